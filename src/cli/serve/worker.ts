import { inspect } from 'node:util'
import { parentPort, workerData } from 'node:worker_threads'
import { Failure, Thrown } from '../command'
import { reportFiles, reportRequired } from './graph'
import { syntaxErrorOf } from './syntax'
import { listen } from './listen'
import type { FromThread, Task, ToThread } from './messages'
import { siteOf, type Site } from './site'

/*
 * A thread that serves a module: it loads it, listens when it is told to, and ends when it is told to.
 */

const task = workerData as Task
const port = parentPort!
const site = start()
port.on('message', (message: ToThread) => void attend(message))
// Who waits for orders is not at a loss; who loads, and has nothing left to wait for, is.
port.unref()
void site.then(() => port.ref())

async function start(): Promise<Site | null> {
  const files = new Set<string>()
  const tell = (file: string): void => {
    files.add(file)
    send({ kind: 'file', file })
  }
  reportFiles(tell)
  try {
    const made = await siteOf(task.target, task.settings, task.shared)
    send({ kind: 'loaded', place: made.place })
    return made
  } catch (error) {
    // What the hooks have told is on its way, where they have a thread of their own.
    if (error instanceof Thrown) await new Promise((resolve) => setImmediate(resolve))
    return fail(error, files)
  } finally {
    reportRequired(tell)
  }
}

async function attend(message: ToThread): Promise<void> {
  const made = await site
  if (made === null) return
  try {
    if (message.kind === 'listen') {
      send({ kind: 'listening', address: await listen(made.server, message.place) })
    } else {
      await made.close(message.grace)
      send({ kind: 'closed' })
    }
  } catch (error) {
    fail(error)
  }
}

function fail(error: unknown, files: ReadonlySet<string> = new Set()): null {
  send({ kind: 'failed', message: messageOf(error, files) })
  return null
}

function messageOf(error: unknown, files: ReadonlySet<string>): string {
  if (error instanceof Thrown) return `${error.message}\n\n${syntaxErrorOf(files) ?? inspect(error.cause)}`
  return error instanceof Failure ? error.message : inspect(error)
}

function send(message: FromThread): void {
  port.postMessage(message)
}
