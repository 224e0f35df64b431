import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect, types } from 'node:util'
import type { Handler } from '../../handler'
import type { ServerOptions } from '../../options'
import type { Server } from '../../server'
import { Failure, Thrown } from '../command'
import type { Target } from './target'

/** What a module wants served. */
export interface Loaded {
  /** A server of its own making, or what one is made with. */
  readonly served: Server | ServerOptions
  /** What it wants to be called when everything has been answered. */
  readonly close: (() => unknown) | undefined
}

/** Imports a module and looks at what it exports. Throws {@link Failure} with what is wrong with it. */
export async function load(target: Target): Promise<Loaded> {
  let stuck!: () => void
  const idle = new Promise<never>((_resolve, reject) => {
    stuck = () => reject(new Failure(`${target.name} waits at its top level for something that never comes.`))
  })
  // Nothing is left that could end the waiting. The runtime would end the process now, as if all were well.
  process.once('beforeExit', stuck)
  try {
    return await Promise.race([examine(target), idle])
  } finally {
    process.off('beforeExit', stuck)
  }
}

async function examine({ name, path: file }: Target): Promise<Loaded> {
  const exported = await bring(name, file)
  let main: unknown
  try {
    main = await exported['default']
  } catch (error) {
    throw new Failure(`${name} exports a promise that has failed.\n\n${shown(error)}`)
  }
  // As compilers make it of `export default` for CommonJS.
  if (isObject(main) && main['__esModule'] === true && 'default' in main) main = main['default']
  const close = closeOf(name, exported['close'])
  if (isServer(main)) {
    if (main.listening) {
      throw new Failure(`${name} exports a server that listens already: such a program is run by \`node ${name}\`.`)
    }
    return { served: main, close }
  }
  if (Array.isArray(main)) return { served: { handler: main as Handler[] }, close }
  if (typeof main === 'function' && !isForeign(main)) return { served: { handler: main as Handler }, close }
  if (isObject(main) && !isForeign(main) && Object.getPrototypeOf(main) !== null) {
    const { close: own, ...options } = main as ServerOptions & { close?: unknown }
    if (OPTIONS.some((option) => option in options)) return { served: options, close: closeOf(name, own) ?? close }
  }
  throw new Failure(wrongExport(name, main, exported))
}

async function bring(name: string, file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>
  } catch (error) {
    const message = `${name} could not be loaded${hint(error, file)}.`
    // Its stack says nothing of where it is.
    if (error instanceof SyntaxError) throw new Thrown(message, error)
    throw new Failure(`${message}\n\n${shown(error)}`)
  }
}

/** What a module throws may throw in turn, when it is looked at. */
function shown(error: unknown): string {
  try {
    return inspect(error)
  } catch {
    return 'What it has thrown cannot be shown.'
  }
}

function hint(error: unknown, file: string): string {
  if (!types.isNativeError(error)) return ''
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /\.[cm]?tsx?$/.test(file)) {
    return `: Node.js ${process.version} does not run TypeScript, which 22.18 and later do`
  }
  if (code === 'ERR_MODULE_NOT_FOUND' && /package 'millrace'/.test(message)) {
    return ': it imports millrace, which has to be installed there (`npm install millrace`)'
  }
  return ''
}

function wrongExport(name: string, main: unknown, exported: Record<string, unknown>): string {
  if (fetches(main) || (main === undefined && typeof exported['fetch'] === 'function')) {
    return (
      `${name} exports a function \`fetch\`, which takes a Request and gives a Response. That is not supported: ` +
      `\`export default (request, response) => response.end('hello')\` is.`
    )
  }
  if (isForeign(main)) {
    return `${name} exports the application of another framework, or a server of node:http. Such a program is run by \`node ${name}\`.`
  }
  // That of a module of CommonJS that exports nothing is one.
  const isEmpty = isObject(main) && Object.keys(main).length === 0
  if (main === undefined || isEmpty) {
    const names = Object.keys(exported).filter((key) => key !== 'default' && key !== 'module.exports')
    const others = names.length === 0 ? '' : ` (it exports ${names.join(', ')})`
    const wrong = isEmpty
      ? `The default export of ${name} is an empty object, without \`handler\` or \`routes\`${others}`
      : `${name} has no default export${others}`
    return (
      `${wrong}: there has to be a handler, as in ` +
      `\`export default (request, response) => response.end('hello')\`, a list of handlers, options or a server. ` +
      `A program that listens by itself is run by \`node ${path.normalize(name)}\`.`
    )
  }
  return (
    `The default export of ${name} has to be a handler, a list of handlers, an object with \`handler\` or \`routes\`, ` +
    `or a server that does not listen yet, but it is ${inspect(main, { depth: 0, breakLength: Infinity })}.`
  )
}

function closeOf(name: string, given: unknown): (() => unknown) | undefined {
  if (given === undefined || typeof given === 'function') return given as (() => unknown) | undefined
  throw new Failure(`The export \`close\` of ${name} has to be a function, but it is ${inspect(given, { depth: 0 })}.`)
}

/** Also one of another copy of this package, as where the command is not the one that is installed beside the module. */
export function isServer(value: unknown): value is Server {
  return isObject(value) && ['listen', 'close', 'route', 'websocket', 'stats'].every((name) => isMethod(value, name))
}

function isForeign(value: unknown): boolean {
  return isObject(value) && (isMethod(value, 'listen') || isMethod(value, 'handle') || isMethod(value, 'fetch'))
}

function fetches(value: unknown): boolean {
  return isObject(value) && isMethod(value, 'fetch')
}

function isMethod(value: object, name: string): boolean {
  return typeof (value as Record<string, unknown>)[name] === 'function'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === 'object' && value !== null) || typeof value === 'function'
}

/** One of these makes an object the options of something that answers. */
const OPTIONS = ['handler', 'routes'] as const
