import { fstatSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { coded, codedRange, codedType, show } from './errors'
import { checkNames } from './rules'

/** Which bytes of a file. */
export interface FileRangeOptions {
  /** The first byte. Default: 0. */
  start?: number | undefined
  /** The byte after the last one, as for `subarray` and `Blob.slice`. Default: the file's end when it is written. */
  end?: number | undefined
}

/**
 * Bytes of an open file as a piece of a body, for `write`, `end` and `send`, alone or in a list between text and bytes.
 * They go from the file to the socket inside the operating system where it can do that, and are never in JavaScript's
 * memory. The file is read when its turn comes, so it must not shrink until then: that would cut the connection.
 *
 * @param file an open regular file. It may be closed as soon as the call that writes the range has returned: the core
 * has a descriptor of its own by then.
 * @throws ERR_INVALID_ARGUMENT for what is no file or no range, ERR_INVALID_OPTION. The call that writes it throws ERR_FILE_CLOSED,
 * ERR_NOT_A_FILE, ERR_FILE_RANGE when the file ends before the range does, and ERR_FILE_UNSUPPORTED on Windows, where
 * `response.send(handle)` reads the file instead
 */
export function fileRange(file: FileHandle | number, options: FileRangeOptions = {}): FileRange {
  checkNames('', options, ['start', 'end'])
  const { start = 0, end } = options
  if (!isFileHandle(file) && !(Number.isInteger(file) && file >= 0)) {
    throw codedType('ERR_INVALID_ARGUMENT', `fileRange() wants a FileHandle or a descriptor, but got ${show(file)}.`)
  }
  checkOffset('start', start)
  if (end !== undefined) {
    checkOffset('end', end)
    if (end < start) {
      throw codedRange('ERR_INVALID_ARGUMENT', `A range of a file cannot end at ${end}, before its start at ${start}.`)
    }
  }
  return new FileRange(file, start, end)
}

/** Bytes of an open file: see {@link fileRange}. */
export class FileRange {
  /** The first byte, counted from 0. */
  readonly start: number
  /** The byte after the last one; undefined for the file's end when it is written. */
  readonly end: number | undefined
  private readonly file: FileHandle | number

  /** @internal */
  constructor(file: FileHandle | number, start: number, end: number | undefined) {
    this.file = file
    this.start = start
    this.end = end
  }

  /** @internal The range as the file is now. */
  _measure(): FilePiece {
    return measure(descriptorOf(this.file), this.start, this.end)
  }
}

/** A range of a file whose length is known. */
export class FilePiece {
  readonly descriptor: number
  readonly start: number
  readonly length: number

  constructor(descriptor: number, start: number, length: number) {
    this.descriptor = descriptor
    this.start = start
    this.length = length
  }
}

/** Whether the core can send from descriptors of JavaScript's: not on Windows, where they are no handles of the system. */
export const sendsFiles = process.platform !== 'win32'

/** Node does not export the class. */
export function isFileHandle(value: unknown): value is FileHandle {
  const handle = value as FileHandle | null
  return typeof handle === 'object' && handle !== null && typeof handle.fd === 'number' && isFunction(handle.stat)
}

/** Whether an open file can be sent as it is, not only read. */
export function isSendable(file: FileHandle): boolean {
  return sendsFiles && fstatSync(descriptorOf(file)).isFile()
}

/** The number of an open file. */
export function descriptorOf(file: FileHandle | number): number {
  const descriptor = typeof file === 'number' ? file : file.fd
  if (descriptor < 0) throw coded('ERR_FILE_CLOSED', 'The file has been closed before it was written.')
  return descriptor
}

function measure(descriptor: number, start: number, end: number | undefined): FilePiece {
  if (!sendsFiles) {
    throw coded('ERR_FILE_UNSUPPORTED', 'Ranges of files cannot be written on Windows; `response.send(handle)` can.')
  }
  const { size } = regularFile(descriptor)
  if (start > size || (end !== undefined && end > size)) {
    throw codedRange(
      'ERR_FILE_RANGE',
      `The file has ${size} bytes, but the range goes from ${start} to ${end ?? 'its end'}.`,
    )
  }
  return new FilePiece(descriptor, start, (end ?? size) - start)
}

/** What the system knows about an open regular file. */
export function regularFile(descriptor: number): { size: number } {
  let stats
  try {
    stats = fstatSync(descriptor)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EBADF') throw error
    throw coded('ERR_FILE_CLOSED', `The descriptor ${descriptor} is not open.`, error)
  }
  if (!stats.isFile()) throw coded('ERR_NOT_A_FILE', `The descriptor ${descriptor} is not one of a regular file.`)
  return stats
}

function checkOffset(name: string, value: unknown): void {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return
  throw codedRange('ERR_INVALID_ARGUMENT', `${name} has to be a whole number of bytes, but it is ${show(value)}.`)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
