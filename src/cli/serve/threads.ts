import path from 'node:path'
import { inspect } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { ServerAddress } from '../../address'
import { Failure } from '../command'
import type { FromThread, Task, ToThread } from './messages'
import type { Place } from './site'

/** Threads that serve the same thing on the same port. */
export class Threads {
  /** Rejects when a thread fails, or ends without having been told to. */
  readonly failed: Promise<never>
  private readonly all: readonly Thread[]
  private fail!: (error: Failure) => void

  /** @param told of each file that a module has come from */
  constructor(task: Task, told: (file: string) => void) {
    this.failed = new Promise((_resolve, reject) => {
      this.fail = reject
    })
    this.failed.catch(() => undefined)
    this.all = Array.from({ length: task.settings.threads }, () => new Thread(task, told, (error) => this.fail(error)))
  }

  /** Resolves with where they want to listen, once all have loaded their module. */
  async loaded(): Promise<Place> {
    const places = await this.orFailure(Promise.all(this.all.map((thread) => thread.loaded)))
    return places[0]!
  }

  async listen(place: Place): Promise<ServerAddress> {
    const [first, ...others] = this.all
    const address = await this.orFailure(first!.listen(place))
    // The first may have been given a port by the system.
    const same = 'path' in place ? place : { host: address.address, port: address.port }
    await this.orFailure(Promise.all(others.map((thread) => thread.listen(same))))
    return address
  }

  /** Lets requests finish for so many milliseconds; then the threads end. */
  async close(grace: number): Promise<void> {
    await this.orFailure(Promise.all(this.all.map((thread) => thread.close(grace))))
  }

  async end(): Promise<void> {
    await Promise.all(this.all.map((thread) => thread.end()))
    this.fail(new Failure('The threads have been ended.'))
  }

  private orFailure<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.failed])
  }
}

class Thread {
  readonly loaded: Promise<Place>
  private readonly worker: Worker
  private readonly told = new Map<FromThread['kind'], (message: FromThread) => void>()
  private readonly ended: Promise<void>
  private isEnding = false

  constructor(task: Task, file: (file: string) => void, fail: (error: Failure) => void) {
    const { target } = task
    this.worker = new Worker(path.join(__dirname, 'worker.js'), { workerData: task })
    this.loaded = this.next('loaded').then(({ place }) => place)
    this.worker.on('message', (message: FromThread) => {
      if (message.kind === 'file') file(message.file)
      else if (message.kind === 'failed') fail(new Failure(message.message))
      else this.told.get(message.kind)?.(message)
    })
    this.worker.on('error', (error) => {
      fail(new Failure(`${target.name} has failed.\n\n${inspect(error)}`))
    })
    this.ended = new Promise((resolve) => {
      this.worker.once('exit', (code) => {
        if (!this.isEnding) fail(new Ended(`${target.name} has ended its thread with the exit code ${code}.`, code))
        resolve()
      })
    })
  }

  async listen(place: Place): Promise<ServerAddress> {
    const listening = this.next('listening')
    this.send({ kind: 'listen', place })
    return (await listening).address
  }

  async close(grace: number): Promise<void> {
    this.isEnding = true
    const closed = this.next('closed')
    this.send({ kind: 'close', grace })
    await Promise.race([closed, this.ended])
    await this.end()
  }

  async end(): Promise<void> {
    this.isEnding = true
    await this.worker.terminate()
    await this.ended
  }

  private send(message: ToThread): void {
    this.worker.postMessage(message)
  }

  private next<Kind extends FromThread['kind']>(kind: Kind): Promise<Extract<FromThread, { kind: Kind }>> {
    return new Promise((resolve) => {
      this.told.set(kind, resolve as (message: FromThread) => void)
    })
  }
}

/** A module has ended its thread by `process.exit`. */
export class Ended extends Failure {
  readonly exitCode: number

  constructor(message: string, exitCode: number) {
    super(message)
    this.exitCode = exitCode
  }
}
