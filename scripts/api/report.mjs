// The public types as API Extractor reports them: one declaration after the other, in the order of their names.

import { readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from '../_shared.mjs'

/** The reports, each with the entry whose types it shows; `index.d.mts` and `index.d.cts` only hand these on. */
export const reports = [
  { file: '__test__/types/millrace.api.md', entry: 'dist/index.d.ts' },
  { file: '__test__/types/millrace-ws.api.md', entry: 'dist/ws/index.d.ts' },
]

/** The report of what is in `dist` now; throws with what API Extractor could not make sense of. */
export function extract({ file, entry }) {
  // Loaded when it is needed: a compiler is in it, and the tests of the comparison have no use for that.
  const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor')
  const folder = join(root, 'build', 'api')
  const name = file.slice(file.lastIndexOf('/') + 1)
  rmSync(join(folder, name), { force: true })
  const configuration = ExtractorConfig.prepare({
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, entry),
      newlineKind: 'lf',
      compiler: { tsconfigFilePath: join(root, 'tsconfig.json'), skipLibCheck: true },
      // What is not exported by name but reached from what is: its members are as public as the rest.
      apiReport: {
        enabled: true,
        includeForgottenExports: true,
        reportFileName: name.replace(/\.api\.md$/, ''),
        reportFolder: folder,
        reportTempFolder: join(folder, 'temporary'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages,
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: join(root, 'package.json'),
  })
  const problems = []
  const { succeeded } = Extractor.invoke(configuration, {
    localBuild: true,
    messageCallback: (message) => {
      if (message.logLevel === 'error') problems.push(message.formatMessageWithLocation(root))
      message.handled = true
    },
  })
  if (!succeeded) throw new Error(`${entry}: ${problems.join('\n')}`)
  return withoutRemarks(readFileSync(join(folder, name), 'utf8'))
}

// A comment that was written or lost is no change of the types.
function withoutRemarks(report) {
  return report.replaceAll(/^ *\/\/ \(undocumented\)\n/gm, '').replaceAll(/ \(undocumented\)$/gm, '')
}

// The report is about the shape of the types. How their comments are written is for TypeDoc, which shows them.
const messages = {
  compilerMessageReporting: { default: { logLevel: 'error' } },
  extractorMessageReporting: { default: { logLevel: 'none' } },
  tsdocMessageReporting: { default: { logLevel: 'none' } },
}
