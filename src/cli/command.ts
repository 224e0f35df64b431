import { parseArgs, type ParseArgsConfig } from 'node:util'
import { nearest } from './nearest'

/** One thing that `millrace` can do. */
export interface Command {
  readonly name: string
  /** For the list of all commands: one line. */
  readonly summary: string
  /** For `millrace <name> --help`. */
  readonly help: string
  readonly options: Options
  /**
   * Does it. Throws {@link UsageError} or {@link Failure} when it cannot.
   *
   * @returns the exit code, unless that is 0
   */
  run(given: Given): Promise<number | void>
}

export type Options = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>

/** What stood on the command line. */
export interface Given {
  /** Values of options, under their names; an option without a value is true. The last one counts. */
  readonly values: Readonly<Record<string, string | boolean | undefined>>
  /** What is no option. */
  readonly words: readonly string[]
}

/** The command line is wrong: exit code 2, and a hint where the help is. */
export class UsageError extends Error {}

/** It could not be done: exit code 1. The message is for a person, in one line. */
export class Failure extends Error {}

/** Something of the user's has thrown, and is to be shown as the runtime shows what nobody has caught. */
export class Thrown extends Failure {
  constructor(message: string, cause: unknown) {
    super(message, { cause })
  }
}

/** Splits a command line into options and words. Throws {@link UsageError} for options that are not there. */
export function parse(args: readonly string[], options: Options): Given {
  const { tokens } = parseArgs({
    args: [...args],
    options: options as ParseArgsConfig['options'] & object,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const values: Record<string, string | boolean> = {}
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const { name, rawName, value } = token
    const option = Object.hasOwn(options, name) ? options[name] : undefined
    if (option === undefined) throw new UsageError(unknown(rawName, options))
    if (option.type === 'boolean' && value !== undefined) throw new UsageError(`${rawName} takes no value.`)
    if (option.type === 'string' && (value === undefined || value === '')) {
      throw new UsageError(`${rawName} needs a value.`)
    }
    // As parseArgs has it when it is strict: more likely a value has been forgotten than meant to look like this.
    if (token.inlineValue === false && value!.length > 1 && value!.startsWith('-')) {
      throw new UsageError(`${rawName} needs a value, and ${value} looks like an option: if not, ${rawName}=${value}.`)
    }
    values[name] = value ?? true
  }
  return { values, words }
}

function unknown(rawName: string, options: Options): string {
  const names = Object.keys(options).map((name) => `--${name}`)
  const hint = nearest(rawName, names)
  return `There is no option ${rawName}.${hint === null ? '' : ` Did you mean ${hint}?`}`
}
