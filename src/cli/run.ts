import { readFileSync } from 'node:fs'
import path from 'node:path'
import { cert } from './cert'
import { Failure, parse, UsageError, type Command } from './command'
import { nearest } from './nearest'

/** All commands, in the order in which the help lists them. */
export const commands: readonly Command[] = [cert]

/**
 * Runs a command line, and gives its exit code: 0, 1 when it could not be done, 2 when the command line is wrong. What
 * was asked for goes to standard output, everything else to standard error.
 */
export async function run(args: readonly string[], known: readonly Command[]): Promise<number> {
  const [name, ...rest] = args
  const command = known.find((one) => one.name === name)
  try {
    if (command !== undefined) await start(command, rest)
    else withoutCommand(name, rest, known)
    return 0
  } catch (error) {
    return explain(error, command)
  }
}

async function start(command: Command, args: readonly string[]): Promise<void> {
  const given = parse(args, { ...command.options, help: HELP })
  if (given.values['help'] === true) console.log(command.help)
  else await command.run(given)
}

/** Without a command. */
function withoutCommand(name: string | undefined, rest: readonly string[], known: readonly Command[]): void {
  if (name === undefined) throw new UsageError('a command is missing.')
  if (!name.startsWith('-') && name !== 'help') throw new UsageError(noCommand(name, known))
  if (name === 'help' && rest.length > 0) {
    const about = known.find((one) => one.name === rest[0])
    if (about === undefined) throw new UsageError(noCommand(rest[0]!, known))
    console.log(about.help)
    return
  }
  const { values } = parse(name === 'help' ? [] : [name, ...rest], { help: HELP, version: VERSION })
  console.log(values['version'] === true ? version() : overview(known))
}

function explain(error: unknown, command: Command | undefined): number {
  if (error instanceof UsageError) {
    const help = command === undefined ? 'millrace --help' : `millrace ${command.name} --help`
    console.error(`millrace: ${error.message}\nTry \`${help}\`.`)
    return 2
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
  return `Usage: millrace <command> [options]

Commands:
${known.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join('\n')}

Options:
  -h, --help     this, or \`millrace <command> --help\` about a command
  -v, --version  the version of millrace

Exit codes: 0 done, 1 it could not be done, 2 the command line is wrong.`
}

function version(): string {
  const file = path.join(__dirname, '..', '..', 'package.json')
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const HELP = { type: 'boolean', short: 'h' } as const
const VERSION = { type: 'boolean', short: 'v' } as const
