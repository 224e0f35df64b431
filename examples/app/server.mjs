// The example application: `npm start`, or `PORT=8080 HOST=0.0.0.0 npm start`. `npm start -- --tls` serves it by HTTPS, with
// a certificate of its own making; `npm start -- --cert cert.pem --key key.pem` with a pair that `npx millrace cert` wrote.

import { parseArgs } from 'node:util'
import { createServer, selfSignedCertificate } from 'millrace'
import { routes } from './app.mjs'

const host = process.env.HOST ?? '127.0.0.1'
const port = Number(process.env.PORT ?? 3000)

const server = createServer({
  routes,
  tls: tlsOptions(),
  compression: true,
  onError: (error, { request }) => {
    // Scanners fail by the hundred: a line each is enough.
    if (error.code === 'ERR_TLS_HANDSHAKE') console.error(error.message)
    else console.error(request ? `${request.method} ${request.path}` : 'a connection', error)
  },
})

try {
  const { url } = await server.listen({ host, port })
  console.log(`millrace is listening on ${url}/`)
} catch (error) {
  const hints = {
    EADDRINUSE: 'another program has this port: try PORT=0 (EADDRINUSE)',
    EACCES: 'this port is for administrators (EACCES)',
  }
  console.error(`millrace cannot listen on ${host}:${port}: ${hints[error.code] ?? error.message}`)
  process.exit(1)
}

function tlsOptions() {
  const { tls, cert: certFile, key: keyFile } = commandLine()
  // Whoever comes by http:// is sent to https:// on the same port. Files that change are read again.
  if (certFile !== undefined) return { certFile, keyFile, watch: true, allowPlain: 'redirect' }
  return tls ? { ...selfSignedCertificate(), allowPlain: 'redirect' } : undefined
}

function commandLine() {
  const text = { type: 'string' }
  try {
    const { values } = parseArgs({ options: { tls: { type: 'boolean' }, cert: text, key: text } })
    if ((values.cert === undefined) !== (values.key === undefined)) throw new Error('--cert and --key belong together')
    return values
  } catch (error) {
    console.error(`${error.message}\nUsage: npm start -- [--tls | --cert <file> --key <file>]`)
    process.exit(2)
  }
}

// The first signal lets requests finish, for ten seconds at most; the second one does not wait.
let closing = false
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    if (closing) process.exit(1)
    closing = true
    console.log(`\n${signal}: closing; once more to stop at once`)
    await server.close({ timeout: 10_000 })
    console.log('closed')
  })
}
