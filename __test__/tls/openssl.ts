import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import ava, { type ExecutionContext } from 'ava'

const version = spawnSync('openssl', ['version']).stdout?.toString() ?? ''

/** OpenSSL 3, whose options are used. */
export const hasOpenssl = version.startsWith('OpenSSL 3')
if (!hasOpenssl)
  console.error('OpenSSL 3 is not installed: the tests with it are skipped (Debian: apt-get install openssl)')

export const testOpenssl = hasOpenssl ? ava.serial : ava.serial.skip

/** A folder for keys and certificates, removed at the end of the test. */
export class Workshop {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  static async open(t: ExecutionContext): Promise<Workshop> {
    const folder = await mkdtemp(path.join(tmpdir(), 'millrace-tls-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    return new Workshop(folder)
  }

  file(name: string, content?: string | Uint8Array): string {
    const place = path.join(this.folder, name)
    if (content !== undefined) writeFileSync(place, content)
    return place
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  run(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] }).toString()
  }

  /** A key, and a certificate that it has signed itself; negative days have passed. */
  pair(name: string, { days = 30, algorithm = 'EC' as 'EC' | 'RSA' | 'ED25519' } = {}): { cert: string; key: string } {
    const parameters = { EC: ['ec_paramgen_curve:P-256'], RSA: ['rsa_keygen_bits:2048'], ED25519: [] }[algorithm]
    const options = parameters.flatMap((parameter) => ['-pkeyopt', parameter])
    this.run('genpkey', '-algorithm', algorithm, ...options, '-out', `${name}.key`)
    this.run('req', '-new', '-key', `${name}.key`, '-subj', '/CN=localhost', '-out', `${name}.csr`)
    const extensions = this.file(`${name}.ext`, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    const signed = ['-signkey', `${name}.key`, '-extfile', extensions, '-days', String(days), '-out', `${name}.pem`]
    this.run('x509', '-req', '-in', `${name}.csr`, ...signed)
    return { cert: this.read(`${name}.pem`), key: this.read(`${name}.key`) }
  }
}
