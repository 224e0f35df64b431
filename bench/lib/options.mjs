import { parseArgs } from 'node:util'

import { peers } from './peers.mjs'
import { scenarios } from './scenarios.mjs'

export const usage = `npm run bench -- [options]

  --scenario A,B    only these scenarios: ${Object.keys(scenarios).join(', ')}
  --peers A,B       only these peers: ${Object.keys(peers).join(', ')}
  --rounds N        measured runs of every peer and scenario (5)
  --duration S      seconds of each measured run (3)
  --warmup S        seconds of load before each measured run (1)
  --quick           2 rounds of 1 second: for development, not for figures
  --node PATH       another Node.js for the peers that run on it
  --json FILE       also write everything measured as JSON
  --save NAME       write results/NAME.md, .json and .svg; scenarios already there and not run now are kept
  --lock FILE       hold an advisory lock (flock) on FILE during each round, on a machine where others hold it to build
  --verify          start each peer once and compare its answers; measure nothing
  --list            the scenarios and peers, each with a line
`

/** The command line as one object, or a message about what is wrong with it. */
export function readOptions(argv) {
  const { values } = parse(argv)
  const quick = values.quick ?? false
  return {
    help: values.help ?? false,
    list: values.list ?? false,
    verify: values.verify ?? false,
    quick,
    scenarios: names(values.scenario, scenarios, 'scenario'),
    peers: names(values.peers, peers, 'peer'),
    rounds: count(values.rounds, quick ? 2 : 5, 'rounds'),
    duration: count(values.duration, quick ? 1 : 3, 'duration'),
    warmup: count(values.warmup, 1, 'warmup'),
    node: values.node ?? process.execPath,
    json: values.json,
    save: name(values.save),
    lock: values.lock,
  }
}

export class UsageError extends Error {}

function parse(argv) {
  try {
    return parseArgs({
      args: argv,
      options: {
        scenario: { type: 'string', multiple: true },
        peers: { type: 'string', multiple: true },
        rounds: { type: 'string' },
        duration: { type: 'string' },
        warmup: { type: 'string' },
        quick: { type: 'boolean' },
        node: { type: 'string' },
        json: { type: 'string' },
        save: { type: 'string' },
        lock: { type: 'string' },
        verify: { type: 'boolean' },
        list: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError(error.message)
  }
}

function names(given, table, what) {
  if (given === undefined) return Object.keys(table)
  const wanted = given.flatMap((list) => list.split(',')).filter(Boolean)
  for (const one of wanted) {
    if (!Object.hasOwn(table, one)) {
      throw new UsageError(`there is no ${what} ${one}; there are ${Object.keys(table).join(', ')}`)
    }
  }
  return wanted
}

/** wrk counts in whole seconds, and so does everything here. */
function count(given, otherwise, what) {
  if (given === undefined) return otherwise
  if (!/^[1-9]\d{0,3}$/.test(given)) throw new UsageError(`--${what} is a whole number from 1 to 9999, not ${given}`)
  return Number(given)
}

function name(given) {
  if (given === undefined || /^[\w.-]+$/.test(given)) return given
  throw new UsageError(`--save takes a name of letters, digits, dots and dashes, not ${given}`)
}
