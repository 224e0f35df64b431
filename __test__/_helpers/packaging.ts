import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** What is tested of scripts/package: scripts are not compiled, and have no types but these. */
export interface Packaging {
  platforms: Platform[]
  platformOf(target: string): Platform | undefined
  readAddon(bytes: Buffer): AddonFacts
  readTarball(bytes: Buffer): Map<string, { bytes: Buffer; mode: number }>
  budgets: Record<string, number>
  isWithinFloor(version: string, floor?: string): boolean
  problemsOfAddon(bytes: Buffer, platform: Platform): string[]
  problemsOfExports(names: string[]): string[]
  mainManifest(manifest: object, repository?: string): Record<string, unknown>
  platformManifest(manifest: object, platform: Platform, repository?: string, files?: string[]): Record<string, unknown>
  problemsOfPlatformManifest(manifest: object, platform: Platform, version: string): string[]
  problemsOfVersions(version: string, places: Array<[string, string | undefined]>): string[]
  repositoryOf(asked?: string, env?: Record<string, string>): string | undefined
  versionOfCrates(cargoToml: string): string | undefined
  versionsInLock(cargoLock: string): Array<[string, string]>
}

export interface Platform {
  name: string
  target: string
  os: string
  cpu: string
  libc?: string
}

export interface AddonFacts {
  format: string
  machine: string
  needed?: string[]
  versions?: Array<{ library: string; version: string }>
  exports?: string[]
  stripped?: boolean
  hasPackedRelocations?: boolean
  buildId?: string
  debugLink?: string
  minimumOs?: string
}

const parts = ['addon', 'checks', 'manifests', 'platforms', 'tarball']

/** All of it, in one. */
export async function loadPackaging(): Promise<Packaging> {
  const folder = path.join(path.dirname(require.resolve('millrace/package.json')), 'scripts', 'package')
  const modules = await Promise.all(
    parts.map((name) => import(pathToFileURL(path.join(folder, `${name}.mjs`)).href) as Promise<Partial<Packaging>>),
  )
  return Object.assign({}, ...modules) as Packaging
}
