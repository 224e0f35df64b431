// A body writer makes the body buffer by buffer. Its memory is lent by the core, so what it holds is sent as it is; it
// may be filled anew as soon as `next` is called again.
//
//   curl -s http://127.0.0.1:3000/ | tail -3
//   curl -i http://127.0.0.1:3000/?lines=none

import { createServer, lendBuffer } from 'millrace'

const LINE = 16

class CountingWriter {
  #lines
  #next = 0
  #buffer

  constructor(lines) {
    this.#lines = lines
  }

  /** May fail, also later: it may be asynchronous. Nothing has been sent yet, so the client gets a 500. */
  init() {
    if (!Number.isSafeInteger(this.#lines)) throw new TypeError('the number of lines has to be a number')
    this.#buffer = lendBuffer(4096 * LINE)
  }

  /** With a length the answer has Content-Length; without one it would be chunked. */
  contentLength() {
    return this.#lines * LINE
  }

  next() {
    const count = Math.min(4096, this.#lines - this.#next)
    for (let line = 0; line < count; line++) {
      this.#buffer.write(`${String(this.#next++).padStart(LINE - 1)}\n`, line * LINE, 'latin1')
    }
    return { buffers: this.#buffer.subarray(0, count * LINE), done: this.#next === this.#lines }
  }

  /** Always called, once, with what went wrong or nothing. */
  close(error) {
    this.#buffer = undefined
    if (error) console.error('stopped early:', error.message)
  }
}

const server = createServer({
  async handler(request, response) {
    response.setHeader('content-type', 'text/plain')
    await response.send(new CountingWriter(Number(request.searchParams.get('lines') ?? 100_000)))
  },
  onError: (error) => console.error('reported:', error.message),
})

const { url } = await server.listen({ host: '127.0.0.1', port: Number(process.env.PORT ?? 3000) })
console.log(url)
