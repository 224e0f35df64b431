import { cert } from './cert'
import { Failure, parse, Thrown, UsageError, type Command } from './command'
import { nearest } from './nearest'
import { serve } from './serve'
import { NoTarget } from './serve/target'
import { version } from './version'

/** All commands, in the order in which the help lists them. The first is meant where none is named. */
export const commands: readonly Command[] = [serve, cert]

/**
 * Runs a command line, and gives its exit code: 0, 1 when it could not be done, 2 when the command line is wrong. What
 * was asked for goes to standard output, everything else to standard error.
 */
export async function run(args: readonly string[], known: readonly Command[]): Promise<number> {
  const [name, ...rest] = args
  const named = known.find((one) => one.name === name)
  const command = named ?? known[0]!
  try {
    if (name === undefined) return lost(known)
    if (named === undefined && tellsAbout(args, known)) return 0
    return await start(command, named === undefined ? args : rest)
  } catch (error) {
    return explain(error, name === undefined || name === 'help' ? undefined : command)
  }
}

async function start(command: Command, args: readonly string[]): Promise<number> {
  const given = parse(args, { ...command.options, help: HELP, version: VERSION })
  const { help, version: wantsVersion } = given.values
  if (help !== true && wantsVersion !== true) return (await command.run(given)) ?? 0
  console.log(help === true ? command.help : version())
  return 0
}

/** Most who give nothing want to see what there is. */
function lost(known: readonly Command[]): number {
  console.error(`millrace: what to do is missing.\n\n${overview(known)}`)
  return 2
}

/** What is asked about the command itself. False when it is told to do something. */
function tellsAbout(args: readonly string[], known: readonly Command[]): boolean {
  const [first, about] = args
  if (first === 'help' && about !== undefined) {
    const command = known.find((one) => one.name === about)
    if (command === undefined) throw new UsageError(noCommand(about, known))
    console.log(command.help)
    return true
  }
  const isVersion = first === '--version' || first === '-v'
  if (!isVersion && first !== 'help' && first !== '--help' && first !== '-h') return false
  console.log(isVersion ? version() : overview(known))
  return true
}

function explain(error: unknown, command: Command | undefined): number | Promise<never> {
  if (error instanceof UsageError) {
    const isGeneral = command === undefined || error instanceof NoTarget
    const help = isGeneral ? 'millrace --help' : `millrace ${command.name} --help`
    console.error(`millrace: ${error.message}\nTry \`${help}\`.`)
    return 2
  }
  if (error instanceof Thrown) {
    console.error(`millrace: ${error.message}`)
    // The runtime alone knows, and shows, which line of which file it could not read. It ends with 1 then.
    process.nextTick(() => {
      throw error.cause
    })
    return new Promise<never>(() => undefined)
  }
  // A failure that is nobody's but ours is shown with where it came from.
  console.error(error instanceof Failure ? `millrace: ${error.message}` : error)
  return 1
}

function noCommand(name: string, known: readonly Command[]): string {
  const hint = nearest(
    name,
    known.map((one) => one.name),
  )
  return `There is no command ${JSON.stringify(name)}.${hint === null ? '' : ` Did you mean ${hint}?`}`
}

function overview(known: readonly Command[]): string {
  const width = Math.max(...known.map(({ name }) => name.length))
  return `Usage: millrace <module>   serve what a module exports, as app.mjs
       millrace <folder>   serve the files of a folder
       millrace <command> [options]

Commands:
${known.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

Examples:
  millrace app.mjs --watch            serve, and load changes
  millrace app.mjs --threads 4 --log combined
  millrace ./public --port 8080 --host ::
  millrace ./dist --spa --tls

Options:
  -h, --help     this, or \`millrace <command> --help\` about a command
  -v, --version  the version of millrace

Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong.`
}

const HELP = { type: 'boolean', short: 'h' } as const
const VERSION = { type: 'boolean', short: 'v' } as const
