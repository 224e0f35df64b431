// The suites of behaviour once more, over TLS: the compiled specs are copied to build/test/over-tls, where
// __test__/_helpers/transport.ts has servers and clients speak TLS. The folder's name is in the titles of its tests.

import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { root } from './_shared.mjs'

const suites = ['_helpers', 'answers', 'faults', 'http1', 'parity', 'websockets', 'ws']

/** What has nothing to do with connections: a page of the documentation, and a limit on descriptors set in a shell. */
const left = ['parity/compatibility', 'faults/descriptors']

/** What is not as it is over TCP, or cannot be seen through what stands between client and server. */
const otherwise = [
  // The tests of TLS itself.
  'tls::',
  // A client that is one too many gets no handshake, and so no 503.
  'accepting::a_connection_turned_away_does_not_count_as_pulled',
  'limits::one_connection_too_many_is_answered_503',
  // A connection that is cut has no orderly end.
  'tunnels::a_tunnel_that_the_client_did_not_ask_for_is_cut',
  // They look at the socket itself, at its buffers or at resets behind bytes that nobody reads.
  'exchange::a_unix_socket_serves_and_goes_with_its_server',
  'files::a_file_that_shrinks_cuts_its_connection_and_no_other',
  'timeouts::a_client_that_resets_while_it_is_not_read_is_noticed',
  'websocket::slow::a_client_that_reads_nothing_is_cut_off',
]

/** Has cargo run the loopback suite over TLS: crates/millrace-server/tests/loopback/over_tls.rs. */
export const loopbackOverTls = {
  args: ['test', '--workspace', '--test', 'loopback', '--', ...otherwise.flatMap((name) => ['--skip', name])],
  // Each test waits more than it works.
  env: { MILLRACE_TEST_TLS: '1', RUST_TEST_THREADS: '8' },
}

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
