import { refusal } from './refusals'
import type { Installation, Manager } from './installation'
import { PLATFORMS_IN_WORDS } from './platforms'
import type { System, SystemDetails } from './system'

/** A place where the addon could have been, and why it was not loaded from there. */
export interface Attempt {
  readonly kind: 'own' | 'package' | 'prebuild'
  /** The file, the package's name, or the directory that was searched. */
  readonly place: string
  readonly error: NodeJS.ErrnoException
  /** The version of the addon that is there, when that is why it was refused. */
  readonly found?: string | undefined
}

/** All that decides what the error says. */
export interface Situation {
  /** The version of this package. */
  readonly version: string
  readonly system: System & SystemDetails
  /** The platforms whose addon would fit. */
  readonly platforms: readonly string[]
  readonly attempts: readonly Attempt[]
  readonly installation: Installation
}

/** The text of ERR_ADDON_UNAVAILABLE: on what, where it was looked for, and what to do in just this situation. */
export function explain(situation: Situation): string {
  const { version, system, attempts, installation } = situation
  const tried = attempts.map((attempt) => `  - ${whatOf(attempt)}: ${whyOf(attempt, installation)}`)
  const what = `The native part of millrace ${version} could not be loaded on ${nameOf(system)}`
  return [`${what}:`, ...tried, adviceFor(situation)].join('\n')
}

// The first that applies: those about the machine, what was refused, then what is missing.
function adviceFor(situation: Situation): string {
  for (const advice of [
    disabled,
    tooOld,
    unsupported,
    otherVersion,
    refused,
    bundled,
    notBuilt,
    incomplete,
    otherPlatform,
  ]) {
    const text = advice(situation)
    if (text !== undefined) return text
  }
  return notInstalled(situation)
}

function disabled({ attempts }: Situation): string | undefined {
  if (!attempts.some(({ error }) => error.code === 'ERR_DLOPEN_DISABLED')) return undefined
  return 'Node.js was told to load no addons: start it without --no-addons, or with --allow-addons beside --permission.'
}

function tooOld({ system: { runtime, version } }: Situation): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (runtime !== 'Node.js' || major > 20 || (major === 20 && minor >= 11)) return undefined
  return `Node.js ${version} is too old: millrace needs 20.11 or newer.`
}

function unsupported({ platforms, system, installation: { home } }: Situation): string | undefined {
  if (platforms.length > 0) return undefined
  const { platform, arch, runtime } = system
  if (arch === 'ia32' || (arch === 'arm' && platform !== 'android')) {
    return `This is a ${runtime} for 32 bits, and prebuilt addons are for 64 bits. If the machine can, install the one for ${arch === 'arm' ? 'arm64' : 'x64'}.`
  }
  return (
    `There is no prebuilt addon for ${platform}-${arch}; there are some for ${PLATFORMS_IN_WORDS}. ` +
    'It may well build here: in a clone of the sources of this version, with Rust, run `npm ci` and `npm run build`, ' +
    `then copy the file millrace.*.node into ${home}/build/Release.`
  )
}

function otherVersion({ attempts, version, installation }: Situation): string | undefined {
  const attempt = attempts.find(({ found }) => found !== undefined)
  if (attempt === undefined) return undefined
  const rule = 'Both have to be of one version.'
  if (attempt.kind === 'own') return `${rule} Build the addon again (\`npm run build\`), or delete ${attempt.place}.`
  if (attempt.kind === 'prebuild') return `${rule} Replace or delete what lies in build/Release and prebuilds.`
  const { directory } = installation.present.find(({ platform }) => attempt.place.endsWith(platform)) ?? {}
  const at = directory === undefined ? '' : ` (in ${directory})`
  return (
    `${rule} An old lock file, an override or a cache keeps ${attempt.place} at ${attempt.found}${at}: ` +
    `${installCommand(installation.manager, version)}; when that changes nothing, ${FRESH}.`
  )
}

// What the system has said of a file that is there.
function refused({ attempts, system }: Situation): string | undefined {
  const attempt = attempts.find(({ error }) => !isAbsent(error))
  return attempt === undefined ? undefined : refusal(attempt.error, system)
}

function bundled({ installation: { form }, platforms }: Situation): string | undefined {
  if (form !== 'bundle') return undefined
  return (
    'millrace was put into a bundle, without its addon. Leave it out of the bundle (esbuild, Rollup and Vite: external; webpack: ' +
    `externals) and ship node_modules, or install millrace-${platforms[0]!} where the bundle runs.`
  )
}

function notBuilt({ installation: { form } }: Situation): string | undefined {
  return form === 'clone' ? 'This is a clone of the sources: build the addon with `npm run build`.' : undefined
}

function incomplete({ installation: { present }, platforms }: Situation): string | undefined {
  const half = present.find(({ platform }) => platforms.includes(platform))
  return half && `The file of the addon is missing from ${half.directory}: ${FRESH}.`
}

function otherPlatform({ installation: { present, manager }, system, platforms }: Situation): string | undefined {
  const others = present.filter(({ platform }) => !platforms.includes(platform))
  if (others.length === 0 || others.length < present.length) return undefined
  const names = others.map(({ platform }) => `millrace-${platform}`).join(' and ')
  const are = others.length === 1 ? 'is' : 'are'
  const wanted = `millrace-${platforms[0]!}`
  if (system.translated && others.some(({ platform }) => platform === 'darwin-arm64')) {
    return `${names} ${are} installed: this Node.js is the one for x64, which macOS translates. Install Node.js for arm64 and start that, or install the packages again with this one.`
  }
  return (
    `${names} ${are} installed instead: node_modules was made on, or for, another system. Install where it is to run ` +
    `(in a Dockerfile: copy package.json and the lock file, not node_modules, which .dockerignore should name), ` +
    `or install ${wanted} as well: ${foreignInstall(manager, system)}.`
  )
}

function notInstalled({ installation: { manager }, platforms, system }: Situation): string {
  const wanted = `millrace-${platforms[0]!}`
  return `${wanted} is an optional dependency of millrace, and the installation has left it out. ${LEFT_OUT[manager ?? 'any'](system)}`
}

const FRESH = 'delete node_modules and the lock file and install again'

const LEFT_OUT: Readonly<Record<Manager | 'any', (system: System) => string>> = {
  npm: () =>
    'Run `npm install --include=optional`; what leaves it out is --omit=optional or --no-optional, in a command or as ' +
    `omit=optional in .npmrc. If that brings nothing, the lock file lacks it, as a fault of npm has it when one is made on another system: ${FRESH}.`,
  pnpm: (system) =>
    'What leaves it out is --no-optional, optional=false, or supportedArchitectures in pnpm-workspace.yaml without ' +
    `${archList(system)}: change that and run \`pnpm install\`; if that brings nothing, ${FRESH}.`,
  yarn: (system) =>
    `What leaves it out is supportedArchitectures in .yarnrc.yml without ${archList(system)}: change that and run \`yarn install\`; if that brings nothing, ${FRESH}.`,
  'yarn 1': () =>
    `What leaves it out is --ignore-optional, in a command or in .yarnrc: run \`yarn install --force\` without it; if that brings nothing, ${FRESH}.`,
  any: () =>
    'What leaves it out is --omit=optional, --no-optional or --ignore-optional, omit=optional in .npmrc, or ' +
    `supportedArchitectures of pnpm and yarn without this platform. Install without these; if that brings nothing, ${FRESH}.`,
}

function foreignInstall(manager: Manager | undefined, system: System): string {
  if (manager === 'pnpm') return `supportedArchitectures with ${archList(system)} in pnpm-workspace.yaml`
  if (manager === 'yarn') return `supportedArchitectures with ${archList(system)} in .yarnrc.yml`
  if (manager === 'yarn 1') return `\`yarn install --ignore-platform\``
  const libc = system.libc === undefined ? '' : ` --libc=${system.libc}`
  return `\`npm install --os=${system.platform} --cpu=${system.arch}${libc}\``
}

function archList({ platform, arch, libc }: System): string {
  return [`os ${platform}`, `cpu ${arch}`, ...(libc === undefined ? [] : [`libc ${libc}`])].join(', ')
}

function installCommand(manager: Manager | undefined, version: string): string {
  if (manager === undefined || manager === 'npm') return `run \`npm install millrace@${version}\``
  return `run \`${manager === 'pnpm' ? 'pnpm' : 'yarn'} add millrace@${version}\``
}

function nameOf({ platform, arch, libc, glibc, runtime, version }: System & SystemDetails): string {
  const library = libc === 'glibc' ? ` (glibc ${glibc ?? 'of an unknown version'})` : libc === 'musl' ? ' (musl)' : ''
  return `${platform}-${arch}${library} with ${runtime} ${version}`
}

function whatOf({ kind, place }: Attempt): string {
  return kind === 'prebuild' ? `build/Release and prebuilds in ${place}` : place
}

function whyOf({ kind, place, error }: Attempt, { present }: Installation): string {
  if (!isAbsent(error)) return firstLine(error)
  if (kind === 'prebuild')
    return error.message.startsWith('not looked at') ? error.message : 'nothing for this platform'
  return present.some(({ platform }) => place === `millrace-${platform}`)
    ? 'installed without its file'
    : 'not installed'
}

// What follows it lists who has asked.
function firstLine(error: Error): string {
  return error.message.split('\n').find((line) => line.trim() !== '') ?? error.name
}

/** Whether there was nothing to load: as Node.js, Bun, Deno, Yarn's PnP and node-gyp-build say it. */
function isAbsent({ code, message }: NodeJS.ErrnoException): boolean {
  return (
    code === 'MODULE_NOT_FOUND' ||
    code === 'ERR_MODULE_NOT_FOUND' ||
    code === 'UNDECLARED_DEPENDENCY' ||
    /^No native build was found|^Cannot find (module|package)|^not looked at/.test(message)
  )
}
