// The tarballs that are installed: what `npm run package` has made, what it needs from elsewhere, and stand-ins for the
// platforms that were not built, so that a package manager sees all that a user's sees.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fail, filesBelow, newest, root } from '../_shared.mjs'
import { hostPlatform } from '../package/platforms.mjs'
import { MissingTools } from './tools.mjs'

const built = join(root, 'build', 'packages')

/** The directory with the tarballs; packs them first where they are missing or older than what they hold. */
export function findTarballs(given) {
  if (given !== undefined) return resolve(given)
  const list = join(built, 'packages.json')
  const addons = filesBelow('build/addons')
  const sources = [...filesBelow('src'), ...filesBelow('dist'), join(root, 'package.json'), ...addons]
  if (!existsSync(list) || newest([list]) < newest(sources)) makeTarballs(addons.length > 0 ? ['--no-build'] : [])
  return built
}

function makeTarballs(args) {
  const { status } = spawnSync(process.execPath, [join('scripts', 'package.mjs'), ...args], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status === 2) throw new MissingTools('the packages cannot be built here; the reason is above')
  if (status !== 0) fail('the packages could not be made.')
}

/** What there is: the main package, the platform packages by platform, the version. */
export function readTarballs(directory) {
  const { version, packages } = JSON.parse(readFileSync(join(directory, 'packages.json'), 'utf8'))
  const platforms = new Map()
  let main
  for (const { platform, file } of packages) {
    if (platform === undefined) main = join(directory, file)
    else platforms.set(platform, join(directory, file))
  }
  if (main === undefined) fail(`${directory} holds no package \`millrace\`.`)
  return { version, main, platforms }
}

/** What the registry serves beside the tarballs; packed into `directory`. */
export function packOthers(directory, { version, platforms }) {
  const missing = readdirSync(join(root, 'npm')).filter((platform) => !platforms.has(platform))
  return [pack(join(root, 'node_modules', 'node-gyp-build'), directory), ...missing.map(standIn), oldVersion()]

  function standIn(platform) {
    return packAs(platform, { version }, 'exports.version = () => "a stand-in"\n')
  }

  // An older release of this platform's package, for an installation whose halves differ.
  function oldVersion() {
    return packAs(ownPlatform(), { version: '0.0.1' }, `exports.version = () => '0.0.1'\n`)
  }

  function packAs(platform, change, code) {
    const from = join(directory, `${platform}-${change.version}`)
    mkdirSync(from, { recursive: true })
    const manifest = JSON.parse(readFileSync(join(root, 'npm', platform, 'package.json'), 'utf8'))
    const stated = { ...manifest, ...change, main: 'addon.js', files: ['addon.js'] }
    writeFileSync(join(from, 'package.json'), JSON.stringify(stated))
    writeFileSync(join(from, 'addon.js'), code)
    return pack(from, directory)
  }
}

/** The platform of this machine, by the name of its package. */
export function ownPlatform() {
  return hostPlatform()?.name ?? `${process.platform}-${process.arch}`
}

// By tar and not by npm, which takes a second each.
function pack(from, directory) {
  const { name, version } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'))
  const stage = join(directory, 'stage', `${name}-${version}`)
  cpSync(from, join(stage, 'package'), { recursive: true, dereference: true })
  const file = join(directory, `${name}-${version}.tgz`)
  const { status, stderr } = spawnSync('tar', ['-czf', file, '-C', stage, 'package'], { encoding: 'utf8' })
  if (status !== 0) fail(`${name} could not be packed: ${stderr}`)
  return file
}
