import { X509Certificate } from 'node:crypto'
import { rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf, type CodedError } from '../errors'
import { DEFAULT_DAYS, LOCAL_NAMES, MOST_DAYS, selfSignedCertificate, type SelfSigned } from '../tls/self-signed'
import { Failure, UsageError, type Command, type Given } from './command'
import { isFolder, makeFolder } from './folders'
import { namesOf } from './names'
import { howToUse } from './trust'

export const cert: Command = {
  name: 'cert',
  summary: 'write a self-signed certificate and its key, for development',
  help: `Usage: millrace cert [names…] [options]

Writes a certificate that is signed by its own key (ECDSA, P-256), for
development: clients refuse it until they are told to trust it. How to do that
is printed.

Names are server names or IP addresses, as in

  millrace cert app.test "*.app.test" 192.168.1.7

Without any: ${LOCAL_NAMES.join(', ')}.

Options:
  --days <n>      how long it is valid, 1 to ${MOST_DAYS}; ${DEFAULT_DAYS} unless told
  --out <folder>  where cert.pem and key.pem go; this folder unless told
  --cert <file>   the file of the certificate, together with --key
  --key <file>    the file of the private key, which nobody else can read
  --force         replace files that are there already
  -h, --help      this`,
  options: {
    days: { type: 'string' },
    out: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    force: { type: 'boolean' },
  },
  run: writePair,
}

async function writePair({ values, words }: Given): Promise<void> {
  const names = words.length === 0 ? LOCAL_NAMES : namesOf(words)
  const days = daysOf(values['days'])
  const files = filesOf(values)
  const pair = make(names, days)
  const isForced = values['force'] === true
  await write(
    [
      { file: files.key, text: pair.key, mode: 0o600 },
      { file: files.cert, text: pair.cert, mode: 0o644 },
    ],
    isForced,
  )
  const until = new Date(new X509Certificate(pair.cert).validTo)
  console.log(howToUse({ ...files, names, until }))
}

function daysOf(given: string | boolean | undefined): number {
  if (given === undefined) return DEFAULT_DAYS
  const days = Number(given)
  if (Number.isInteger(days) && days >= 1 && days <= MOST_DAYS) return days
  throw new UsageError(`--days has to be a whole number from 1 to ${MOST_DAYS}, but it is ${JSON.stringify(given)}.`)
}

function filesOf(values: Given['values']): { cert: string; key: string } {
  const { out, cert: certFile, key } = values as Record<string, string | undefined>
  if (certFile === undefined && key === undefined) {
    const folder = out ?? ''
    return { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') }
  }
  if (out !== undefined) throw new UsageError('--out goes without --cert and --key, which name the files themselves.')
  if (certFile === undefined || key === undefined) throw new UsageError('--cert and --key belong together.')
  if (path.resolve(certFile) === path.resolve(key)) throw new UsageError('--cert and --key have to be two files.')
  return { cert: certFile, key }
}

function make(names: readonly string[], days: number): SelfSigned {
  try {
    return selfSignedCertificate({ names, days })
  } catch (error) {
    if ((error as CodedError).code === 'ERR_TLS_OPTION') throw new UsageError(`${messageOf(error)}.`)
    throw new Failure(messageOf(error))
  }
}

interface File {
  readonly file: string
  readonly text: string
  readonly mode: number
}

/** Writes all of them or none; a file that is there already is only ever replaced as a whole. */
async function write(files: readonly File[], isForced: boolean): Promise<void> {
  const written: string[] = []
  try {
    for (const { file } of files) {
      await makeFolder(path.dirname(file))
      if (await isFolder(file)) throw new Failure(`${file} is a folder: nothing can be written in its place.`)
    }
    for (const { file, text, mode } of files) {
      const place = isForced ? `${file}.${process.pid}.new` : file
      // Not opened when it is there: neither is its content lost, nor is the key written to what others can read.
      await writeFile(place, text, { mode, flag: 'wx' })
      written.push(place)
    }
    if (isForced) for (const { file } of files) await rename(`${file}.${process.pid}.new`, file)
  } catch (error) {
    for (const file of written) await rm(file, { force: true })
    throw error instanceof Failure ? error : failure(error as NodeJS.ErrnoException)
  }
}

function failure(error: NodeJS.ErrnoException): Failure {
  if (error.code === 'EEXIST') return new Failure(`${error.path} is there already. --force replaces it.`)
  return new Failure(error.message)
}
