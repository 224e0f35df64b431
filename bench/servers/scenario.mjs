// What every server file of this folder starts with: `<runtime> <server file> <scenario> [<certificate> <key>]`.

import { readFileSync } from 'node:fs'

import { calibrate } from '../handlers/answers.mjs'

const [, , scenario, certificate, key] = process.argv

/** Where a scenario is one over TLS, the certificate and its key: the files, and the PEM in them. */
export const secured = certificate && {
  files: { certificate, key },
  pem: { cert: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') },
}

/** The scenario's handler out of a table of them. */
export function handlerOf(handlers) {
  if (!Object.hasOwn(handlers, scenario)) throw new Error(`no handler for the scenario ${scenario}`)
  if (scenario === 'busy') calibrate()
  return handlers[scenario]
}

/** Tells the harness where to send its requests: the port, a line of its own. */
export function ready(port) {
  console.log(String(port))
}
