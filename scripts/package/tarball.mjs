// Reads what npm has packed: the checks look at the bytes that would be published, not at what they were made from.

import { gunzipSync } from 'node:zlib'

const block = 512

/** The files of a `.tgz` as npm writes it: from path to `{ bytes, mode }`, without the `package/` before each path. */
export function readTarball(compressed) {
  const bytes = gunzipSync(compressed)
  const files = new Map()
  let longName
  for (let at = 0; at < bytes.length && bytes[at] !== 0;) {
    const size = octal(bytes, at + 124, 12)
    const type = String.fromCharCode(bytes[at + 156])
    const body = bytes.subarray(at + block, at + block + size)
    if (type === 'x') longName = pathOf(body)
    if (type === '0' || type === '\0') {
      const name = longName ?? nameOf(bytes, at)
      files.set(name.slice(name.indexOf('/') + 1), { bytes: body, mode: octal(bytes, at + 100, 8) })
      longName = undefined
    }
    at += block + Math.ceil(size / block) * block
  }
  return files
}

function nameOf(bytes, at) {
  const name = text(bytes, at, 100)
  const prefix = text(bytes, at + 345, 155)
  return prefix ? `${prefix}/${name}` : name
}

// A record of a pax header is `<length> <key>=<value>\n`.
function pathOf(body) {
  return /^\d+ path=(.*)$/m.exec(body.toString('utf8'))?.[1]
}

function octal(bytes, at, length) {
  return Number.parseInt(text(bytes, at, length).trim(), 8) || 0
}

function text(bytes, at, length) {
  const field = bytes.subarray(at, at + length)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}
