import { readFileSync } from 'node:fs'
import path from 'node:path'
import { coded } from './errors'

/** One JavaScript thread's pair of queues to the core; see `batch.ts` for what goes through its buffers. */
export interface NativeLane {
  /** Submits the records written and receives the next batch: its text, or null when nothing waits. */
  turn(written: number): string | null
  submit(written: number): void
  /** A large body chunk of the batch last received. */
  takeChunk(index: number): Buffer
  /** Puts a large payload for the records being written; returns its index for them. */
  putChunk(view: Uint8Array): number
  /**
   * Puts a range of an open regular file, to its end when `end` is negative, with a descriptor of the core's own; returns
   * its index and length. Throws an error whose message begins with the system's code.
   */
  putFile(descriptor: number, start: number, end: number): { index: number; length: number }
  /** Memory of the core's own, which `putChunk` passes on without a copy. */
  lend(size: number): Buffer
  /** Binds at once; throws an error whose message begins with the system's code. */
  listen(options: NativeListenOptions, routes: NativeRouteTable): NativeAddress
  /** Lets a server that accepts by hand accept so many connections more. */
  acceptMore(server: number, count: number): void
  /** How many descriptors the process has open, and may have; no limit when there is none. */
  descriptors(): { open: number; limit?: number | null }
  /** What is known of a connection; null when it is open no more. */
  connectionInfo(connection: number, generation: number): NativeConnection | null
  close(server: number, timeoutMs: number): void
  stats(server: number): NativeStats | null
  /** Drops what was counted for a closed server. */
  forget(server: number): void
  ref(): void
  unref(): void
}

export interface NativeBinding {
  Lane: new (inbox: Uint8Array, outbox: Uint8Array, wake: () => void) => NativeLane
  RouteTable: new (options: { ignoreTrailingSlash: boolean }) => NativeRouteTable
  /** Undoes content codings, the last applied first; see `decoded-body.ts`. */
  BodyDecoder: new (codings: string, maxBytes: number, maxRatio: number) => NativeBodyDecoder
  version(): string
}

/** Decodes a body piece by piece, off this thread; its errors begin with their code. */
export interface NativeBodyDecoder {
  write(chunk: Uint8Array): Promise<Buffer[]>
  finish(): Promise<Buffer[]>
}

/** What the core knows of an open connection. */
export interface NativeConnection {
  localAddress?: string | null
  localPort?: number | null
  bytesRead: number
  bytesWritten: number
}

export interface NativeAddress {
  id: number
  host: string
  port: number
  path?: string
}

/** The core's half of a server's routes; it can be added to while the server listens. */
export interface NativeRouteTable {
  /** Returns the route's number; throws an error whose message begins with ERR_ROUTE_CONFLICT or ERR_ROUTE_INVALID. */
  add(route: NativeRoute): number
  /** Has requests that come from now on find the routes added so far. */
  publish(): void
  replaceFixed(number: number, fixed: NativeFixed): void
}

/** A route, flat; times in milliseconds. What is left out is the server's. */
export interface NativeRoute {
  /** `*` for any. */
  methods: string[]
  pattern: string
  /** 0 a handler, 1 a fixed answer, 2 files. */
  kind: number
  bodyBytes?: number
  handlerTimeout?: number
  bodyTimeout?: number
  minBodyRate?: number
  writeTimeout?: number
  fixed?: NativeFixed
  files?: NativeFiles
}

/** An answer that the core gives by itself. */
export interface NativeFixed {
  status: number
  /** Empty for the usual one. */
  reason: string
  /** Ready lines. */
  fields: string
  body: Uint8Array
  /** With its quotes. */
  etag?: string
  /** Seconds since 1970. */
  lastModified?: number
  compress: boolean
}

/** A directory that the core serves by itself. */
export interface NativeFiles {
  /** An absolute path. */
  root: string
  index: string[]
  dotFiles: boolean
  list: boolean
  precompressed: boolean
  /** 0 none, 1 weak, 2 strong. */
  etag: number
  lastModified: boolean
  ranges: boolean
  /** Ready lines. */
  fields: string
  fallback?: string
  /** Which of the pattern's parameters is the path; -1 for none. */
  parameter: number
}

/** What the core takes to listen: numbers, booleans and texts by the names `options.ts` gives them. */
export type NativeListenOptions = Record<string, number | boolean | string | undefined>

/** What the core has counted for a server since it began to listen. */
export interface NativeStats {
  connections: number
  accepted: number
  refusedConnections: number
  requests: number
  pending: number
  bytesRead: number
  bytesWritten: number
  protocolErrors: number
  timeouts: number
  aborted: number
  acceptErrors: number
  queuedBytes: number
  descriptorsLow: boolean
  fixedAnswers: number
  fileAnswers: number
  compressed: number
}

let loaded: NativeBinding | undefined

/**
 * Loads the addon once: from this package's own build, from its platform package, then through node-gyp-build; else one
 * error with all causes.
 */
export function binding(): NativeBinding {
  return (loaded ??= load())
}

/** For tests: another implementation of the addon. */
export function useBinding(other: NativeBinding | undefined): void {
  loaded = other
}

function load(): NativeBinding {
  const root = path.join(__dirname, '..')
  const causes: Error[] = []
  // `binding.cjs` is generated by napi and looks next to itself and for the platform package.
  for (const from of [
    () => require(path.join(root, 'binding.cjs')) as NativeBinding,
    () => (require('node-gyp-build') as (directory: string) => NativeBinding)(root),
  ]) {
    try {
      return checkVersion(from(), root)
    } catch (error) {
      causes.push(error as Error)
    }
  }
  const reasons = causes.map((cause) => `  - ${cause.message.split('\n')[0]}`).join('\n')
  throw coded(
    'ERR_ADDON_UNAVAILABLE',
    `The native part of millrace could not be loaded on ${process.platform}-${process.arch} with Node ${process.version}:\n${reasons}\n` +
      'Install without --no-optional so that the prebuilt package for this platform comes along, or build it with `npm run build`.',
    new AggregateError(causes, 'Each way to load the addon failed'),
  )
}

function checkVersion(addon: NativeBinding, root: string): NativeBinding {
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
  const found = addon.version()
  if (found === version) return addon
  throw coded('ERR_ADDON_UNAVAILABLE', `The addon has version ${found}, but the package has version ${version}`)
}
