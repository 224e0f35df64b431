import { accessLog, type AccessLog } from '../../access-log'
import type { AnswerInfo } from '../../answer-info'
import { dev } from '../../log-formats'
import { Failure } from '../command'
import { painter, type Style } from './colours'
import type { Settings } from './settings'

/** The log that the command line asks for, in this thread; null for none. */
export function logOf({ log, logFile }: Settings, isColoured: boolean): AccessLog | null {
  if (log === 'off') return null
  try {
    return accessLog({ format: log === 'dev' ? coloured(isColoured && logFile === undefined) : log, file: logFile })
  } catch (error) {
    throw new Failure(`cannot write the log: ${(error as Error).message}`)
  }
}

function coloured(isColoured: boolean): (answer: AnswerInfo) => string {
  const paint = painter(isColoured)
  return (answer) => dev(answer, (part, text) => paint(STYLES[part], text))
}

const STYLES: Readonly<Record<Parameters<Parameters<typeof dev>[1]>[0], Style>> = {
  dim: 'dim',
  ok: 'green',
  moved: 'cyan',
  wrong: 'yellow',
  failed: 'red',
}
