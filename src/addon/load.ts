import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import type { NativeBinding } from '../binding'
import { type CodedError, coded } from '../errors'
import type * as installations from './installation'
import { platformsFor } from './platforms'
import { type System, currentSystem, systemDetails } from './system'
import type * as explanations from './unavailable'

/*
 * Loaded by hand and not through the loader that napi generates: that one heeds variables of the environment that are
 * meant for any package made with napi, asks the system and not the process for its C library, and says little when it
 * fails.
 */

/**
 * Loads the addon, from the first of these places that has one of this package's version:
 *
 * 1. `millrace.<platform>.node` in this package. None is published: who finds one there has built it, and means to use it.
 * 2. The platform package, `millrace-<platform>`.
 * 3. Where node-gyp-build looks: `build/Release`, then `prebuilds/`.
 */
export function loadAddon(): NativeBinding {
  const system = currentSystem()
  const platforms = platformsFor(system)
  const attempts: Attempt[] = []
  for (const platform of platforms) {
    const file = path.join(HOME, `millrace.${platform}.node`)
    if (!existsSync(file)) continue
    const addon = tried(attempts, 'own', file, () => {
      checkWhole(file)
      return runtimeRequire(file)
    })
    if (addon !== undefined) return addon
  }
  for (const platform of platforms) {
    const addon = tried(attempts, 'package', `millrace-${platform}`, () => requirePlatformPackage(platform))
    if (addon !== undefined) return addon
  }
  const addon = tried(attempts, 'prebuild', HOME, requirePrebuild)
  if (addon !== undefined) return addon

  throw unavailable(system, platforms, attempts)
}

function tried(
  attempts: Attempt[],
  kind: Attempt['kind'],
  place: string,
  load: () => unknown,
): NativeBinding | undefined {
  try {
    const addon = load() as NativeBinding
    const found = typeof addon.version === 'function' ? addon.version() : undefined
    if (found === VERSION) return addon
    const error = new Error(
      found === undefined
        ? 'what is there is no addon of millrace'
        : `its addon has version ${found}, and this package has version ${VERSION}`,
    )
    attempts.push({ kind, place, error, found })
  } catch (error) {
    attempts.push({ kind, place, error: error as NodeJS.ErrnoException })
  }
  return undefined
}

// What explains a failure is not read where there is none: that takes a millisecond, as loading the addon does.
function unavailable(system: System, platforms: string[], attempts: Attempt[]): CodedError {
  const { explain } = require('./unavailable') as typeof explanations
  const { findInstallation } = require('./installation') as typeof installations
  const installation = findInstallation(HOME, runtimeRequire.resolve)
  const described = { ...system, ...systemDetails(system) }
  const causes = attempts.map(({ error }) => error)
  return coded(
    'ERR_ADDON_UNAVAILABLE',
    explain({ version: VERSION, system: described, platforms, attempts, installation }),
    new AggregateError(causes, 'Each way to load the addon failed'),
  )
}

// Spelled out, each in sight of its `try`: so bundlers, and tools that trace which files a program needs, find the one
// that is installed and pass over the others.
function requirePlatformPackage(platform: string): unknown {
  checkPlatformPackage(platform)
  try {
    switch (platform) {
      case 'darwin-arm64':
        return require('millrace-darwin-arm64')
      case 'darwin-x64':
        return require('millrace-darwin-x64')
      case 'linux-arm64-gnu':
        return require('millrace-linux-arm64-gnu')
      case 'linux-arm64-musl':
        return require('millrace-linux-arm64-musl')
      case 'linux-x64-gnu':
        return require('millrace-linux-x64-gnu')
      case 'linux-x64-musl':
        return require('millrace-linux-x64-musl')
      case 'win32-arm64-msvc':
        return require('millrace-win32-arm64-msvc')
      case 'win32-x64-msvc':
        return require('millrace-win32-x64-msvc')
      default:
        throw new Error(`there is no package for ${platform}`)
    }
  } catch (error) {
    throw error as Error
  }
}

// Which file a bundle loads is not known here.
function checkPlatformPackage(platform: string): void {
  if (!IS_PACKAGE) return
  let file: string
  try {
    file = runtimeRequire.resolve(`millrace-${platform}`)
  } catch {
    return
  }
  checkWhole(file)
}

/**
 * Throws when the end of an addon is missing, as when a download or a copy was cut off. The loader of Linux maps such a
 * file without a word, and the first access to what is missing ends the process by SIGBUS. What cannot be told is left
 * to that loader. A tenth of a millisecond: hence no module of its own, and no look at the size of a file that is whole.
 */
export function checkWhole(file: string): void {
  if (process.platform !== 'linux') return
  let missing: string | null = null
  try {
    const descriptor = openSync(file, 'r')
    try {
      missing = missingIn(descriptor)
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return
  }
  if (missing !== null) throw new Error(`${file}: truncated, ${missing}`)
}

// Linkers and `strip` write the table of sections last (e_shoff, e_shentsize and e_shnum of the ELF header). All
// platforms there are addons for have 64 bits and are little-endian.
function missingIn(descriptor: number): string | null {
  const head = new DataView(new ArrayBuffer(64))
  if (readSync(descriptor, head, 0, 64, 0) < 64) return null
  if (head.getUint32(0) !== 0x7f454c46 || head.getUint16(4) !== 0x0201) return null
  const end = Number(head.getBigUint64(0x28, true)) + head.getUint16(0x3a, true) * head.getUint16(0x3c, true)
  if (end === 0 || readSync(descriptor, head, 0, 1, end - 1) === 1) return null
  return `only ${fstatSync(descriptor).size} of ${end} bytes are there`
}

// In a bundle the directories around this file are somebody else's, and so would be an addon found there.
function requirePrebuild(): unknown {
  if (!IS_PACKAGE) throw new Error('not looked at, as this is a bundle and no package')
  return (require('node-gyp-build') as (directory: string) => unknown)(HOME)
}

// Read where it is needed by a literal path, which bundlers replace by the content.
const { version: VERSION } = require('../../package.json') as { version: string }
type Attempt = explanations.Attempt

const HOME = path.join(__dirname, '..', '..')
// For paths that are only known here, which bundlers are not to guess at.
const runtimeRequire = createRequire(path.join(HOME, 'dist', 'addon', 'load.js'))
const IS_PACKAGE = isPackage()

function isPackage(): boolean {
  try {
    return (runtimeRequire(path.join(HOME, 'package.json')) as { name?: string }).name === 'millrace'
  } catch {
    return false
  }
}
