import { existsSync } from 'node:fs'
import { nearest } from '../nearest'
import { UsageError, type Given, type Options } from '../command'

/** What the command line, and the environment, say about how to serve. */
export interface Settings {
  /** Undefined when nobody has said one. */
  readonly port: number | undefined
  readonly host: string | undefined
  /** Whether they were said on the command line, and so go before what a module says. */
  readonly isPlaceGiven: boolean
  readonly tls: TlsSettings | null
  readonly threads: number
  readonly watch: boolean
  readonly log: LogFormat
  readonly logFile: string | undefined
  readonly compression: boolean
  readonly list: boolean
  readonly spa: boolean
  /** Milliseconds for requests under way when it is to stop. */
  readonly grace: number
}

/** Files of a pair, or a certificate that is made in memory. */
export type TlsSettings = { readonly cert: string; readonly key: string } | 'made'

export const LOG_FORMATS = ['dev', 'common', 'combined', 'json', 'off'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

export const DEFAULT_PORT = 3000
export const DEFAULT_HOST = '127.0.0.1'
export const DEFAULT_GRACE = 10
const MOST_THREADS = 64

export const OPTIONS: Options = {
  port: { type: 'string', short: 'p' },
  host: { type: 'string', short: 'H' },
  tls: { type: 'boolean' },
  cert: { type: 'string' },
  key: { type: 'string' },
  watch: { type: 'boolean', short: 'w' },
  threads: { type: 'string', short: 't' },
  grace: { type: 'string' },
  compression: { type: 'boolean' },
  list: { type: 'boolean' },
  spa: { type: 'boolean' },
  log: { type: 'string' },
  'log-file': { type: 'string' },
}

/**
 * Reads the options; throws {@link UsageError} for the first that is wrong.
 *
 * @param isTerminal whether somebody looks on, who wants to see what happens
 */
export function settingsOf({ values }: Given, env: NodeJS.ProcessEnv, isTerminal: boolean): Settings {
  const given = values as Record<string, string | undefined>
  const { port, host } = given
  return {
    port: port === undefined ? portOf('PORT', env['PORT'] || undefined) : portOf('--port', port),
    host: host ?? (env['HOST'] || undefined),
    isPlaceGiven: port !== undefined || host !== undefined,
    tls: tlsOf(values),
    threads: countOf('--threads', given['threads'], 1, MOST_THREADS) ?? 1,
    watch: values['watch'] === true,
    log: formatOf(given['log']) ?? (given['log-file'] !== undefined ? 'combined' : isTerminal ? 'dev' : 'off'),
    logFile: given['log-file'],
    compression: values['compression'] === true,
    list: values['list'] === true,
    spa: values['spa'] === true,
    grace: (countOf('--grace', given['grace'], 0, 86_400) ?? DEFAULT_GRACE) * 1000,
  }
}

function portOf(name: string, text: string | undefined): number | undefined {
  return countOf(name, text, 0, 65_535)
}

function countOf(name: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,9}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text)
  throw new UsageError(`${name} has to be a whole number from ${min} to ${max}, but it is ${JSON.stringify(text)}.`)
}

function formatOf(text: string | undefined): LogFormat | undefined {
  if (text === undefined || (LOG_FORMATS as readonly string[]).includes(text)) return text as LogFormat | undefined
  const hint = nearest(text, LOG_FORMATS)
  const known = `${LOG_FORMATS.slice(0, -1).join(', ')} or ${LOG_FORMATS.at(-1)}`
  throw new UsageError(
    `--log has to be ${known}, but it is ${JSON.stringify(text)}.${hint === null ? '' : ` Did you mean ${hint}?`}`,
  )
}

function tlsOf(values: Given['values']): TlsSettings | null {
  const { cert, key } = values as Record<string, string | undefined>
  if (cert === undefined && key === undefined) return values['tls'] === true ? 'made' : null
  if (cert === undefined || key === undefined) throw new UsageError('--cert and --key belong together.')
  for (const file of [cert, key]) {
    if (!existsSync(file))
      throw new UsageError(`There is no file ${JSON.stringify(file)}. \`millrace cert\` makes some.`)
  }
  return { cert, key }
}
