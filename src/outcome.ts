import { getSystemErrorMap, getSystemErrorName } from 'node:util'
import { Outcome } from './batch'
import { codedPlain, type CodedError } from './errors'

/** The error of a write that did not reach the operating system, with `errno` and `syscall` when it was the system that refused. */
export function writeError(outcome: number): CodedError {
  if (outcome === Outcome.notExecuted) {
    return codedPlain('ERR_WRITE_NOT_EXECUTED', 'The connection failed before this write began.')
  }
  if (outcome < Outcome.errno) {
    return codedPlain('ERR_SERVER_CLOSED', 'The server stopped before this write was done.')
  }
  const errno = Outcome.errno - outcome
  const known = errno < 0 ? getSystemErrorMap().get(errno) : undefined
  const name = known === undefined ? `errno ${-errno}` : getSystemErrorName(errno)
  const error = codedPlain('ERR_WRITE_FAILED', `write ${name}: ${known?.[1] ?? 'the system refused the write'}`)
  return Object.assign(error, { errno, syscall: 'write' })
}
