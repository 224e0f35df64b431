// The server the tools look at: defaults, and what an application is advised to add. Its certificate is one that a
// tool can find nothing wrong with: of an authority of its own, for ninety days.

import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Starts it; gives its port, the authority's certificate and the folder that reports go to. */
export async function startServer(root) {
  const folder = join(root, 'target', 'tls-scan')
  mkdirSync(folder, { recursive: true })
  makeCertificate(folder)
  const { createServer, hsts } = await import('../../dist/index.mjs')
  const server = createServer({
    tls: { certFile: join(folder, 'site.pem'), keyFile: join(folder, 'site.key') },
    handler: [
      hsts(),
      (_request, response) => {
        response.setHeader('x-content-type-options', 'nosniff')
        response.setHeader('content-security-policy', "default-src 'self'; frame-ancestors 'none'")
        response.setHeader('x-frame-options', 'DENY')
        response.setHeader('referrer-policy', 'no-referrer')
        response.end('hello')
      },
    ],
  })
  const { port } = await server.listen({ host: '127.0.0.1' })
  return { port, folder, ca: join(folder, 'ca.pem'), close: () => server.close({ timeout: 0 }) }
}

function makeCertificate(folder) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  const key = ['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out']
  for (const name of ['ca', 'site']) openssl(...key, `${name}.key`)
  const subject = ['-subj', '/CN=millrace tls-scan', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  openssl('req', '-x509', '-new', '-key', 'ca.key', ...subject, '-days', '90', '-out', 'ca.pem')
  openssl('req', '-new', '-key', 'site.key', '-subj', '/CN=localhost', '-out', 'site.csr')
  const extensions = [
    'subjectAltName=DNS:localhost,IP:127.0.0.1',
    'basicConstraints=critical,CA:FALSE',
    'keyUsage=critical,digitalSignature',
    'extendedKeyUsage=serverAuth',
    'crlDistributionPoints=URI:http://crl.invalid/ca.crl',
  ]
  writeFileSync(join(folder, 'site.ext'), `${extensions.join('\n')}\n`)
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'site.ext']
  openssl('x509', '-req', '-in', 'site.csr', ...signed, '-days', '89', '-out', 'site.pem')
}
