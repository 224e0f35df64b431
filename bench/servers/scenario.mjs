// What every server file of this folder starts with: `<runtime> <server file> <scenario>`.

import { calibrate } from '../handlers/answers.mjs'

/** The scenario's handler out of a table of them. */
export function handlerOf(handlers) {
  const scenario = process.argv[2]
  if (!Object.hasOwn(handlers, scenario)) throw new Error(`no handler for the scenario ${scenario}`)
  if (scenario === 'busy') calibrate()
  return handlers[scenario]
}

/** Tells the harness where to send its requests: the port, a line of its own. */
export function ready(port) {
  console.log(String(port))
}
