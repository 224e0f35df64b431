// The TLS scenarios: the certificate of the servers, what is offered to them, and what bench-tls is told.

import { mkdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:tls'

import { CERTIFICATE, CREDENTIALS, KEY } from '../handlers/credentials.mjs'
import { generator } from './generator.mjs'
import { capture } from './processes.mjs'

/** Nothing else is offered to any server, so that all do the same work; native/tls offers the same. */
export const OFFERED = { protocol: 'TLSv1.3', suite: 'TLS_AES_128_GCM_SHA256', group: 'X25519' }

/** A key on P-256 and a certificate for localhost, new for every campaign. */
export function writeCredentials() {
  mkdirSync(CREDENTIALS, { recursive: true })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', KEY]
  const certificate = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '30']
  capture('openssl', ['req', '-x509', ...key, ...certificate, '-out', CERTIFICATE])
}

/** A socket for the same offer; a server that takes none of it, or has another certificate, is an error of it. */
export function connectTls(port) {
  const { protocol, suite, group } = OFFERED
  const offer = { minVersion: protocol, ciphers: suite, ecdhCurve: group }
  const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: readFileSync(CERTIFICATE), ...offer })
  return socket.once('secureConnect', () => {
    const taken = {
      protocol: socket.getProtocol(),
      suite: socket.getCipher().standardName,
      group: socket.getEphemeralKeyInfo().name,
    }
    for (const [what, wanted] of Object.entries(OFFERED)) {
      if (taken[what] !== wanted) socket.destroy(new Error(`the ${what} is ${taken[what]}, not ${wanted}`))
    }
  })
}

export function loadingTls(port, { tls, connections, request }, times) {
  return generator('bench-tls', tls, port, { connections, path: request.path, ...times })
}

/** The command that opens many connections, has one answer on each, says "held", and keeps them. */
export function holdingTls(port, { idleConnections, request }) {
  return generator('bench-tls', 'idle', port, { connections: idleConnections, path: request.path })
}
