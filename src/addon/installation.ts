import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { PLATFORMS } from './platforms'

/** How the package came where it is, as far as that explains why its addon is missing. */
export interface Installation {
  /** The directory of the package. */
  readonly home: string
  /** `bundle`: the code was put into another file. `clone`: the sources of the addon are there as well. */
  readonly form: 'package' | 'bundle' | 'clone'
  readonly manager: Manager | undefined
  /** The platform packages that can be found from here, whichever platform they are for. */
  readonly present: readonly PlatformPackage[]
}

export interface PlatformPackage {
  readonly platform: string
  readonly version: string
  readonly directory: string
}

export type Manager = 'npm' | 'pnpm' | 'yarn' | 'yarn 1'

/** Looked up when loading has failed, and not before: it is a dozen look-ups of files. */
export function findInstallation(home: string, resolve: (request: string) => string): Installation {
  return { home, form: formOf(home), manager: managerOf(home), present: platformPackages(resolve) }
}

function formOf(home: string): Installation['form'] {
  if (packageAt(home)?.name !== 'millrace') return 'bundle'
  return existsSync(path.join(home, 'Cargo.toml')) ? 'clone' : 'package'
}

function platformPackages(resolve: (request: string) => string): PlatformPackage[] {
  return PLATFORMS.flatMap((platform) => {
    try {
      const directory = path.dirname(resolve(`millrace-${platform}/package.json`))
      return [{ platform, version: packageAt(directory)?.version ?? 'unknown', directory }]
    } catch {
      return []
    }
  })
}

function packageAt(directory: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(path.join(directory, 'package.json'), 'utf8')) as { name?: string; version?: string }
  } catch {
    return undefined
  }
}

// What each leaves in the `node_modules` it has written; pnpm first, whose own is outermost.
const TRACES: ReadonlyArray<readonly [Manager, string]> = [
  ['pnpm', '.modules.yaml'],
  ['yarn', '.yarn-state.yml'],
  ['yarn 1', '.yarn-integrity'],
  ['npm', '.package-lock.json'],
]

function managerOf(home: string): Manager | undefined {
  if (process.versions['pnp'] !== undefined) return 'yarn'
  for (let directory = home; path.dirname(directory) !== directory; directory = path.dirname(directory)) {
    if (path.basename(directory) !== 'node_modules') continue
    const found = TRACES.find(([, file]) => existsSync(path.join(directory, file)))
    if (found !== undefined) return found[0]
  }
  return undefined
}
