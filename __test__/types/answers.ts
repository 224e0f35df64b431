// Never run: `npm run check` compiles it. Each `@ts-expect-error` is a mistake that the compiler has to find.

import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import {
  createServer,
  fileRange,
  lendBuffer,
  type BodySource,
  type BodyStep,
  type BodyWriter,
  type Chunk,
  type CodedError,
  type FileRange,
} from '#dist/index'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

class Counter implements BodyWriter {
  private count = 0
  contentLength = 10
  next(): BodyStep {
    return { buffers: [lendBuffer(1)], done: ++this.count === 10 }
  }
  close(error: Error | null): void {
    void error?.message
  }
}

createServer(async (request, response) => {
  const flushed = response.flush()
  same<typeof flushed, Promise<void>>(true)
  const chained = response.flush((error) => same<typeof error, CodedError | null>(true))
  same<typeof chained, typeof response>(true)
  same<typeof response.finished, Promise<void>>(true)
  // @ts-expect-error only the response knows it
  response.finished = Promise.resolve()
  response.compress = false

  const handle = await open('file')
  const range = fileRange(handle, { start: 1, end: 2 })
  same<typeof range, FileRange>(true)
  response.write([range, 'text', Buffer.from('bytes')])
  // @ts-expect-error a path is no open file
  fileRange('file')

  const sources: BodySource[] = [
    'text',
    new Uint8Array(1),
    ['a', range],
    new Set(['a']),
    (function* (): Generator<Chunk> {
      yield 'a'
    })(),
    request,
    createReadStream('file'),
    new Blob(['a']),
    new Blob(['a']).stream(),
    new ReadableStream(),
    handle,
    new Counter(),
  ]
  for (const source of sources) await response.send(source, { contentLength: 1 })
  // @ts-expect-error a number is no body
  await response.send(1)
  // @ts-expect-error a step says whether it is the last
  await response.send({ next: () => ({ buffers: 'a' }) })

  await response.sendFile('file', { root: '.', etag: 'weak', ranges: false, leaveOpen: true })
  await response.sendFile(handle)
  // @ts-expect-error there is no such kind
  await response.sendFile('file', { etag: 'medium' })
})
