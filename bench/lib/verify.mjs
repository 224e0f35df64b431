// Before a peer is measured it has to give the answers of the scenario, byte for byte.

import { connect } from 'node:net'
import { gunzipSync } from 'node:zlib'

/** Sends the scenario's proofs over a socket and throws when an answer is not what every peer must answer. */
export async function verify(port, scenario, { chunked = false, floor = false, open = openTcp } = {}) {
  for (const [request, expected] of scenario.proofs) {
    const depth = scenario.depth ?? 1
    const text = serialize(request, port)
    const answers = await exchange(open(port), Buffer.concat(Array(depth).fill(text)), depth, scenario.closes)
    for (const answer of answers) compare(answer, expected, { chunked, floor, closes: scenario.closes })
  }
}

/** The request as bytes; `filler` stands for a body of that many bytes of no interest. */
export function serialize({ method, path, headers, body, filler }, port) {
  const content = Buffer.from(filler ? 'x'.repeat(filler) : body)
  const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`)
  if (content.length > 0) lines.push(`Content-Length: ${content.length}`)
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), content])
}

/**
 * Takes one answer off the front of `bytes`: undefined while it is not complete. `progress`, given again with the same
 * answer grown longer, saves beginning at the first chunk each time.
 */
export function parseAnswer(bytes, progress = {}) {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [statusLine, ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const headers = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (Object.hasOwn(headers, name)) throw new Error(`the header ${name} came twice`)
    headers[name] = line.slice(colon + 1).trim()
  }
  const head = { statusLine, status: Number(statusLine.split(' ')[1]), headers }
  const body = bodyOf(bytes, end + 4, head, progress)
  return body && { ...head, ...body }
}

function bodyOf(bytes, start, { status, headers }, progress) {
  if (status === 304) return { body: Buffer.alloc(0), used: start }
  return headers['transfer-encoding'] === 'chunked' ? dechunk(bytes, start, progress) : known(bytes, start, headers)
}

function known(bytes, start, headers) {
  const length = Number(headers['content-length'])
  if (!Number.isInteger(length)) throw new Error('an answer without a length')
  return bytes.length < start + length
    ? undefined
    : { body: bytes.subarray(start, start + length), used: start + length }
}

function dechunk(bytes, start, progress) {
  progress.at ??= start
  progress.chunks ??= []
  for (;;) {
    const end = bytes.indexOf('\r\n', progress.at)
    if (end < 0) return undefined
    const size = Number.parseInt(bytes.toString('latin1', progress.at, end), 16)
    const next = end + 2 + size + 2
    if (bytes.length < next) return undefined
    if (size === 0) {
      return { body: Buffer.concat(progress.chunks.map(([from, to]) => bytes.subarray(from, to))), used: next }
    }
    progress.chunks.push([end + 2, end + 2 + size])
    progress.at = next
  }
}

function openTcp(port) {
  return connect(port, '127.0.0.1')
}

/** What is written before the socket is connected goes out when it is. */
function exchange(socket, request, count, untilClosed) {
  return new Promise((resolve, reject) => {
    const answers = []
    const received = gathering()
    let progress = {}
    const timer = setTimeout(() => fail(`${answers.length} of ${count} answers after 5 seconds`), 5000)
    const fail = (message) => {
      clearTimeout(timer)
      socket.destroy()
      reject(new Error(message))
    }
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(answers)
    }
    socket.write(request)
    socket.on('data', (chunk) => {
      received.add(chunk)
      try {
        for (let answer; answers.length < count && (answer = parseAnswer(received.bytes(), progress));) {
          answers.push(answer)
          received.drop(answer.used)
          progress = {}
        }
      } catch (error) {
        return fail(error.message)
      }
      if (answers.length === count && !untilClosed) finish()
    })
    socket.on('end', () => {
      if (answers.length < count) fail(`the server closed after ${answers.length} of ${count} answers`)
      else finish()
    })
    socket.on('error', (error) => fail(error.message))
  })
}

/** Bytes as they come, in memory that doubles: an answer of 100 MiB comes in thousands of pieces. */
function gathering() {
  let memory = Buffer.alloc(64 * 1024)
  let start = 0
  let end = 0
  return {
    add(chunk) {
      if (end + chunk.length > memory.length) {
        const larger = Buffer.alloc(2 * (end - start + chunk.length))
        end = memory.copy(larger, 0, start, end)
        start = 0
        memory = larger
      }
      end += chunk.copy(memory, end)
    },
    bytes: () => memory.subarray(start, end),
    drop: (count) => (start += count),
  }
}

/**
 * `expected`: its body and type; `status` when it is not 200 OK; `coding`, under which the body must come; `fields` more
 * that must be there, each with a text or a pattern; `streamed` when its length may be unknown ahead.
 */
function compare({ statusLine, headers, body }, expected, { chunked, floor, closes }) {
  const wanted = Buffer.from(expected.body)
  equal('the status line', statusLine, `HTTP/1.1 ${expected.status ?? '200 OK'}`)
  if (expected.type) equal('content-type', headers['content-type'], expected.type)
  equal('content-encoding', headers['content-encoding'], expected.coding)
  if (expected.coding === 'gzip') body = gunzipSync(body)
  else if (expected.type && !chunked && !expected.streamed) {
    equal('content-length', headers['content-length'], String(wanted.length))
  }
  for (const [name, value] of Object.entries(expected.fields ?? {})) {
    if (!(value instanceof RegExp)) equal(name, headers[name], value)
    else if (!value.test(headers[name])) throw new Error(`${name} is ${headers[name]}, not like ${value}`)
  }
  if (!floor) {
    equal('a date', /^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(headers.date), true)
    equal('connection', headers.connection?.toLowerCase() === 'close', closes ?? false)
  }
  if (!body.equals(wanted)) {
    throw new Error(`another body: ${show(body)} instead of ${show(wanted)}`)
  }
}

function equal(what, found, wanted) {
  if (found !== wanted) throw new Error(`${what} is ${found}, not ${wanted}`)
}

function show(body) {
  return body.length > 200 ? `${body.length} bytes` : JSON.stringify(body.toString('latin1'))
}
