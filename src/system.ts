import { constants } from 'node:os'
import { messageOf } from './errors'

/** What a person can do about an error of the operating system at `listen`. */
const HINTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'Something listens there already: stop it, or choose another port (0 picks a free one).',
  EACCES: 'This needs a permission: ports below 1024 are reserved on most systems, a socket path has to be writable.',
  EADDRNOTAVAIL: 'No network interface of this machine has that address.',
  ENOTFOUND: 'The name is not known to the resolver.',
  EAI_AGAIN: 'The resolver did not answer.',
  ENOENT: 'The directory of the socket path does not exist.',
  EAFNOSUPPORT: 'This machine does not support that kind of address.',
  EINVAL: 'The system does not take this address, or one of the socket options.',
  ENAMETOOLONG: 'A socket path can have about 100 bytes.',
}

/** The system's error with what Node users know: code, errno, syscall, address and port, and a message that helps. */
export function systemError(cause: unknown, address: string | undefined, port: number | undefined): Error {
  const code = systemCode(cause)
  if (code === undefined) return cause instanceof Error ? cause : new Error(messageOf(cause))
  const { syscall = 'listen', message } = cause as NodeJS.ErrnoException
  const errno = (cause as NodeJS.ErrnoException).errno ?? errnoOf(code)
  const place = port === undefined || address?.includes('/') === true ? address : `${address}:${port}`
  const error = new Error(`${syscall} ${code}: ${place}. ${HINTS[code] ?? message}`, { cause })
  return Object.assign(error, { code, errno, syscall, address, port })
}

/** Why the system gives no descriptor of a file, with what Node users know. */
export function fileError(cause: unknown): unknown {
  const code = systemCode(cause)
  if (code === undefined) return cause
  const error = new Error((cause as Error).message, { cause })
  return Object.assign(error, { code, errno: errnoOf(code), syscall: 'dup' })
}

/** The code of an error from Node, or the one an error from the addon begins with. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code = '' } = error as NodeJS.ErrnoException
  if (CODE.test(code) && !code.startsWith('ERR_')) return code
  return /^(E[A-Z0-9_]+): /.exec(error.message)?.[1]
}

/** As Node gives it: negated. */
function errnoOf(code: string): number | undefined {
  const number = (constants.errno as Readonly<Record<string, number | undefined>>)[code]
  return number === undefined ? undefined : -number
}

const CODE = /^E[A-Z0-9_]+$/
