import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** The repository, whose scripts are tested as they lie there: they are not compiled, and have no types but these. */
export const root = path.dirname(require.resolve('millrace/package.json'))

export type Level = 'none' | 'addition' | 'breaking'

/** scripts/api/semver.mjs */
export interface Semver {
  compareReports(before: string, after: string): { level: Level; removed: string[]; added: string[] }
  leastVersion(released: string, level: Level): string
  compareVersions(a: string, b: string): number
  isVersion(text: string): boolean
  isEnough(version: string, least: string): boolean
}

/** scripts/api/released.mjs */
export interface Released {
  releasedVersions(directory: string): string[] | undefined
  changesSince(version: string, read: (file: string) => string, directory: string): { level: Level; removed: string[] }
}

/** scripts/release/changelog.mjs */
export interface Changelog {
  releaseChangelog(text: string, version: string, date: Date): Promise<string>
  sectionOf(text: string, version: string): Promise<string | undefined>
  tellsOfBreaking(text: string): boolean
}

export interface Entry {
  name: string
  version: string
  file: string
  integrity: string
  platform?: string
}

/** scripts/release/plan.mjs */
export interface Plan {
  planOf(
    packages: Entry[],
    facts: {
      count: number
      integrityOf(entry: Entry): string
      publishedIntegrity(entry: Entry): string | undefined
    },
  ): { done: Entry[]; open: Entry[]; problems: string[] }
  distTag(version: string): string
}

export interface Bill {
  components: Array<Record<string, unknown>>
  metadata: Record<string, unknown>
  serialNumber?: string
  [key: string]: unknown
}

/** scripts/release/bom.mjs */
export interface Bom {
  publishedLock(lock: object, published: object): { packages: Record<string, object> }
  settle(bill: Bill | string, facts: { when: Date; root: string }): Bill
  isLinked(components: Bill['components'], name: string): boolean
}

/** scripts/release/licence-texts.mjs */
export interface LicenceTexts {
  problemsOfLicences(text: string): string[]
  tidy(text: string): string
}

/** scripts/advisories/answers.mjs */
export interface Answers {
  readAudit(stdout: string): { skipped?: string; findings?: Array<{ severity: string; text: string }> }
  isSerious(finding: { severity: string }): boolean
  denyCouldNotLook(stderr: string): string | undefined
}

/** One of the scripts, by its path below `scripts`. */
export function script<Module>(name: string): Promise<Module> {
  return import(pathToFileURL(path.join(root, 'scripts', name)).href) as Promise<Module>
}
