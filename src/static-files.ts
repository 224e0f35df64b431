import { statSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NativeFiles } from './binding'
import type { HeaderValue } from './fields'
import { linesOf, readyFields } from './ready-fields'
import { group, invalid, type Rules } from './rules'

/** How a directory is served. */
export interface StaticFilesOptions {
  /** Files that stand for their directory, tried in turn; false for none. Default: `'index.html'`. */
  index?: string | readonly string[] | false | undefined
  /**
   * Serve files whose name, or a directory's on the way to them, begins with a dot. Default: false, they are answered
   * 404. Danger: `.git` and `.env` are such names; `.well-known` is best a directory with a route of its own.
   */
  dotFiles?: boolean | undefined
  /** List a directory without an index file. Default: false, it is answered 404. */
  list?: boolean | undefined
  /**
   * Send `name.br`, `name.zst` or `name.gz` instead of `name` to clients that like that. Default: false. Cost: up to
   * three more files are looked for.
   */
  precompressed?: boolean | undefined
  /**
   * The entity tag made from a file's time and length: strong, weak, or false for none. Default: `'strong'`. Ranges
   * that a client goes on with after a pause need a strong one.
   */
  etag?: 'strong' | 'weak' | false | undefined
  /** Send when a file was last modified. Default: true. */
  lastModified?: boolean | undefined
  /** Send parts of a file when asked for. Default: true. */
  ranges?: boolean | undefined
  /** The header `cache-control`. Default: none, clients ask again and mostly get a 304. */
  cacheControl?: string | undefined
  /** Headers of every file's answer; a `content-type` among them stands for that of the name. Default: none. */
  headers?: Readonly<Record<string, HeaderValue>> | undefined
  /**
   * The file, named from the directory, that is sent when there is none at the path, as applications want that route in
   * the browser. Default: none, 404.
   */
  fallback?: string | undefined
}

const RULES = {
  index: { kind: 'other', initial: 'index.html' },
  dotFiles: { kind: 'boolean', initial: false },
  list: { kind: 'boolean', initial: false },
  precompressed: { kind: 'boolean', initial: false },
  etag: { kind: 'other', initial: 'strong' },
  lastModified: { kind: 'boolean', initial: true },
  ranges: { kind: 'boolean', initial: true },
  cacheControl: { kind: 'string', initial: undefined },
  headers: { kind: 'other', initial: undefined },
  fallback: { kind: 'string', initial: undefined },
} as const satisfies Rules

/**
 * A directory as the target of a route with a wildcard, served by the core without JavaScript:
 * `server.get('/assets/*path', staticFiles('public'))`. Conditional requests, ranges, content types and HEAD are taken
 * care of, and so is the 404 when there is no such file: no handler is asked then, see `fallback`. No path a client can
 * send leads out of the directory: not by `..`, not by encoding, not by symbolic links.
 *
 * @param directory its path, looked up from the working directory of now, or a `file:` URL
 * @throws ERR_INVALID_OPTION when it is no directory, or an option is wrong
 */
export function staticFiles(directory: string | URL, options: StaticFilesOptions = {}): StaticFiles {
  return new StaticFiles(directoryOf(directory), resolve(options))
}

/** A directory to be served: see {@link staticFiles}. */
export class StaticFiles {
  /** The directory's absolute path. */
  readonly directory: string
  private readonly files: Omit<NativeFiles, 'root' | 'parameter'>

  /** @internal */
  constructor(directory: string, files: Omit<NativeFiles, 'root' | 'parameter'>) {
    this.directory = directory
    this.files = files
  }

  /** @internal What the core is given; `parameter` is the number of the one that names the file, or -1. */
  _native(parameter: number): NativeFiles {
    return { root: this.directory, ...this.files, parameter }
  }
}

function resolve(given: unknown): Omit<NativeFiles, 'root' | 'parameter'> {
  const { dotFiles, list, precompressed, lastModified, ranges, ...options } = group(
    '',
    given,
    RULES,
  ) as Required<StaticFilesOptions>
  const { cacheControl } = options
  const fields = readyFields(options.headers)
  if (cacheControl !== undefined) fields.push(...readyFields({ 'cache-control': cacheControl }))
  return {
    index: indexOf(options.index),
    dotFiles: dotFiles!,
    list: list!,
    precompressed: precompressed!,
    etag: etagOf(options.etag),
    lastModified: lastModified!,
    ranges: ranges!,
    fields: linesOf(fields),
    ...(options.fallback === undefined ? {} : { fallback: fallbackOf(options.fallback) }),
  }
}

function directoryOf(given: unknown): string {
  let directory: string
  if (given instanceof URL && given.protocol === 'file:') directory = fileURLToPath(given)
  else if (typeof given === 'string' && given !== '' && !given.includes('\0')) directory = path.resolve(given)
  else throw invalid('directory', given, 'a path or a file: URL')
  let found: string | undefined
  try {
    if (statSync(directory).isDirectory()) return directory
  } catch (error) {
    found = (error as NodeJS.ErrnoException).code
  }
  throw invalid('directory', directory, `a directory${found === undefined ? '' : ` (${found})`}`)
}

function indexOf(given: unknown): string[] {
  if (given === false) return []
  const names: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (names.every((name) => typeof name === 'string' && /^[^/\\\0]+$/.test(name))) return names as string[]
  throw invalid('index', given, 'false, a file name, or a list of file names')
}

function etagOf(given: unknown): 0 | 1 | 2 {
  if (given === false) return 0
  if (given === 'weak') return 1
  if (given === 'strong') return 2
  throw invalid('etag', given, "'strong', 'weak' or false")
}

function fallbackOf(given: string): string {
  const segments = given.split(/[/\\]/)
  if (!path.isAbsolute(given) && !segments.includes('..')) return segments.filter((part) => part !== '.').join('/')
  throw invalid('fallback', given, 'the path of a file within the directory')
}
