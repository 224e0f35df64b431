import { hostname } from 'node:os'
import path from 'node:path'
import type { ServerOptions } from '../../options'
import { createServer, type Server } from '../../server'
import { staticFiles } from '../../static-files'
import { selfSignedCertificate, LOCAL_NAMES } from '../../tls/self-signed'
import type { TlsOptions } from '../../tls/options'
import { Failure } from '../command'
import { isServer, load } from './load'
import { logOf } from './log'
import { DEFAULT_HOST, DEFAULT_PORT, type Settings } from './settings'
import { networkAddresses } from './summary'
import type { Target } from './target'

/** Something that can be served, where to, and what is to be called afterwards. */
export interface Site {
  readonly server: Server
  readonly place: Place
  /** Lets requests finish for so many milliseconds, and then the module tidy up. */
  close(grace: number): Promise<void>
}

export type Place = { readonly host: string; readonly port: number } | { readonly path: string }

/** What several threads have to agree on, or share. */
export interface Shared {
  /** Several sockets are to listen on the port. */
  readonly reusePort: boolean
  readonly tls: TlsOptions | undefined
  /** What is written for a person may be coloured. */
  readonly isColoured: boolean
}

/** The certificate of the command line, made if need be: once for all threads. */
export function tlsOf({ tls, host }: Settings): TlsOptions | undefined {
  if (tls === null) return undefined
  // Whoever comes by http:// is sent to https:// on the same port. Files that change are read again.
  if (tls !== 'made') return { certFile: path.resolve(tls.cert), keyFile: path.resolve(tls.key), watch: true, ...PLAIN }
  return { ...selfSignedCertificate({ names: namesOf(host) }), ...PLAIN }
}

/** What a module has for tidying up even where requests have no time. */
const LEAST_MS = 1000

/** Makes the server of a target, which does not listen yet. Throws {@link Failure}. */
export async function siteOf(target: Target, settings: Settings, shared: Shared): Promise<Site> {
  const { served, close } = target.kind === 'folder' ? folder(target, settings) : await load(target)
  const server = isServer(served) ? own(target, served, settings, shared) : make(target, served, settings, shared)
  const log = logOf(settings, shared.isColoured)
  if (log !== null) server._observe(log)
  return {
    server,
    place: placeOf(settings, isServer(served) ? ofServer(served) : served),
    close: async (grace) => {
      await server.close({ timeout: grace })
      log?.close()
      if (close !== undefined) await within(Math.max(grace, LEAST_MS), close, `The \`close\` of ${target.name}`)
    },
  }
}

/** A supervisor would end it by force, and nobody would know what it has waited for. */
async function within(ms: number, act: () => unknown, what: string): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Failure(`${what} has not come to its end within ${ms / 1000} s.`)), ms)
  })
  try {
    await Promise.race([act(), late])
  } finally {
    clearTimeout(timer)
  }
}

function folder(target: Target, { list, spa, threads }: Settings): { served: ServerOptions; close: undefined } {
  const files = staticFiles(target.path, { list, precompressed: true, ...(spa ? { fallback: 'index.html' } : {}) })
  const ioThreads = threads === 1 ? undefined : threads
  return { served: { routes: { 'GET /*path': files }, ioThreads }, close: undefined }
}

function make(target: Target, options: ServerOptions, settings: Settings, { reusePort, tls }: Shared): Server {
  try {
    return createServer({
      ...options,
      ...(tls === undefined ? {} : { tls }),
      ...(reusePort ? { reusePort } : {}),
      ...(settings.compression ? { compression: options.compression ?? true } : {}),
    })
  } catch (error) {
    // What a module has wrong is said by the message, which names the option.
    throw new Failure(`${target.name}: ${(error as Error).message}`)
  }
}

/** A server that the module has made: its options are its own. */
function own(target: Target, server: Server, settings: Settings, { reusePort, tls }: Shared): Server {
  const refused = tls !== undefined ? '--tls' : settings.compression ? '--compression' : null
  if (refused !== null) {
    throw new Failure(`${target.name} exports a server, whose options are its own: ${refused} cannot change them.`)
  }
  if (typeof server._sharePort !== 'function' || typeof server._observe !== 'function') {
    throw new Failure(`${target.name} exports a server of another version of millrace than this command is of.`)
  }
  if (reusePort) server._sharePort()
  return server
}

/** The command line goes before the module's own options where it says something, and those before the defaults. */
function placeOf(settings: Settings, { host, port, path: socket }: ServerOptions): Place {
  if (socket !== undefined && !settings.isPlaceGiven) return { path: path.resolve(socket) }
  return { host: settings.host ?? host ?? DEFAULT_HOST, port: settings.port ?? port ?? DEFAULT_PORT }
}

/** 0 is what the options of a server say when nobody has asked for a port. */
function ofServer({ options: { host, port, path: socket } }: Server): ServerOptions {
  return { host, port: port === 0 ? undefined : port, path: socket }
}

/** What this machine may be called by those who open the server. */
function namesOf(host: string | undefined): string[] {
  if (host === undefined) return [...LOCAL_NAMES]
  const others = host === '::' || host === '0.0.0.0' ? [hostname(), ...networkAddresses(host === '::')] : [host]
  return [...new Set([...LOCAL_NAMES, ...others])]
}

const PLAIN = { allowPlain: 'redirect' } as const
