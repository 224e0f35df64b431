// The suites of behaviour once more, over TLS: the compiled specs are copied to build/test/over-tls, where
// __test__/_helpers/transport.ts has servers and clients speak TLS. The folder's name is in the titles of its tests.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from './_shared.mjs'

const suites = ['_helpers', 'answers', 'faults', 'http1', 'parity', 'websockets', 'ws']

/** What has nothing to do with connections: pages of the documentation, and a limit on descriptors set in a shell. */
const left = ['parity/compatibility', 'websockets/guide', 'faults/descriptors']

/** Copies the suites; gives what has to be in the environment of their processes. */
export function copyOverTls() {
  const compiled = join(root, 'build', 'test')
  const folder = join(compiled, 'over-tls')
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  for (const suite of suites) cpSync(join(compiled, suite), join(folder, suite), { recursive: true })
  for (const spec of left) rmSync(join(folder, `${spec}.spec.js`))

  const { binding } = createRequire(import.meta.url)(join(root, 'dist', 'binding.js'))
  const { certificate, key } = binding().selfSignedCertificate(['localhost', '127.0.0.1'], 1)
  writeFileSync(join(folder, 'cert.pem'), certificate)
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 })
  return { NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') }
}
