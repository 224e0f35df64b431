import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { codedType, looksSecret } from '../errors'
import { invalid } from '../rules'

/**
 * The absolute path that an option names; the working directory is that of now. What cannot be one may be a key that was
 * given in its place by mistake, and is in no message.
 */
export function fileOf(name: string, given: unknown): string {
  const url = typeof given === 'string' && /^file:\/\//i.test(given) && URL.canParse(given) ? new URL(given) : given
  const text = url instanceof URL && url.protocol === 'file:' ? pathOf(name, url) : url
  if (typeof text !== 'string' || text === '') throw invalid(name, given, 'a path or a file: URL')
  const why = whyNoPath(text)
  if (why !== null) throw noPath(name, `a text ${why}`)
  return path.resolve(text)
}

function whyNoPath(text: string): string | null {
  if (Buffer.byteLength(text) > LONGEST) return `of ${text.length} characters`
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x1F]/.test(text)) return 'with line ends or other control characters'
  return looksSecret(text) ? 'that looks like a certificate or a key' : null
}

/** PATH_MAX of Linux, without the zero behind it. */
const LONGEST = 4095

function pathOf(name: string, url: URL): string {
  try {
    return fileURLToPath(url)
  } catch {
    throw noPath(name, 'a URL that no file can have')
  }
}

function noPath(name: string, what: string): Error {
  const hint = name.startsWith('tls.keyLog')
    ? ''
    : ` Did you mean ${name.replace(/File$/, '')}? That takes the content itself.`
  return codedType('ERR_INVALID_OPTION', `The option ${name} has to be the path of a file, but it is ${what}.${hint}`)
}
