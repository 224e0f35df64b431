// How the tools are found and run. Each gives findings: what was looked at, how bad it is, and what was seen.

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Longer than either takes anywhere. */
const PATIENCE_MS = 400_000

/** A tool is not installed. */
export class MissingTool extends Error {}

const VERSIONS = { sslscan: /(\d+\.\d+\.\d+)/, testssl: /testssl(?:\.sh)?\s+(\d+\.\d+\.\d+)/ }
const COMMANDS = { sslscan: ['sslscan'], testssl: ['testssl', 'testssl.sh'] }

/** Finds them, with their versions. */
export function findTools(names) {
  if (spawnSync('openssl', ['version']).status !== 0) throw missing('openssl', 'openssl')
  return names.map((name) => {
    for (const command of COMMANDS[name]) {
      const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
      const version = status === 0 && VERSIONS[name].exec(plain(stdout))?.[1]
      if (version) return { name, command, version }
    }
    throw missing(name, name === 'testssl' ? 'testssl.sh' : name)
  })
}

/** What sslscan sees: versions, suites in the server's order, groups, and a few weaknesses. */
export async function runSslscan({ command }, { port, folder }) {
  const report = join(folder, 'sslscan.xml')
  await run(command, ['--no-colour', '--show-times', `--xml=${report}`, `127.0.0.1:${port}`], folder)
  const xml = readFileSync(report, 'utf8')
  const findings = []
  const note = (id, text, isBad = false) => findings.push({ id, severity: isBad ? 'HIGH' : 'OK', text })
  for (const { type, version, enabled } of elements(xml, 'protocol')) {
    const isOld = type === 'ssl' || version < '1.2'
    note(`${type} ${version}`, enabled === '1' ? 'enabled' : 'disabled', isOld && enabled === '1')
  }
  for (const { supported, secure } of elements(xml, 'renegotiation')) {
    note(
      'renegotiation',
      supported === '1' ? `supported, secure ${secure}` : 'not supported',
      supported === '1' && secure !== '1',
    )
  }
  for (const { supported } of elements(xml, 'compression')) {
    note('compression', supported === '1' ? 'supported' : 'not supported', supported === '1')
  }
  for (const { sslversion, vulnerable } of elements(xml, 'heartbleed')) {
    note(`heartbleed ${sslversion}`, vulnerable === '1' ? 'vulnerable' : 'not vulnerable', vulnerable === '1')
  }
  const ciphers = elements(xml, 'cipher')
  for (const [index, { status, sslversion, cipher, bits, strength }] of ciphers.entries()) {
    const isStrong = ['strong', 'acceptable'].includes(strength)
    note(`cipher ${String(index + 1).padStart(2)}`, `${sslversion} ${cipher}, ${bits} bits, ${status}`, !isStrong)
  }
  for (const { sslversion, name, bits } of elements(xml, 'group')) {
    note(`group ${sslversion} ${name}`, `${bits} bits`, Number(bits) < 112)
  }
  if (ciphers.length === 0) throw new Error(`sslscan has seen no cipher suite: see ${report}`)
  return findings
}

/** What testssl.sh finds: protocols, suites, forward secrecy, certificate, vulnerabilities and headers. */
export async function runTestssl({ command }, { port, folder, ca }) {
  const report = join(folder, 'testssl.json')
  rmSync(report, { force: true })
  // -p protocols, -s suites, -f forward secrecy, -P preferences, -S certificate, -U vulnerabilities, -h headers
  const checks = ['-p', '-s', '-f', '-P', '-S', '-U', '-h']
  const quiet = ['--warnings', 'batch', '--quiet', '--color', '0', '--nodns', 'none', '--ip', '127.0.0.1']
  const patience = ['--connect-timeout', '10', '--openssl-timeout', '10']
  await run(
    command,
    [...checks, ...quiet, ...patience, '--add-ca', ca, '--jsonfile', report, `localhost:${port}`],
    folder,
  )
  return JSON.parse(readFileSync(report, 'utf8')).map(({ id, severity, finding }) => ({ id, severity, text: finding }))
}

function run(command, args, folder) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'], timeout: PATIENCE_MS })
    child.once('error', reject)
    // The exit code of testssl.sh counts what it does not like; the report says what.
    child.once('close', (code, signal) => {
      if (signal) reject(new Error(`${command} was ended by ${signal}`))
      else resolve(code)
    })
  })
}

/** The attributes of all elements of this name; the reports have no others that need a parser. */
function elements(xml, name) {
  return [...xml.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, attributes]) =>
    Object.fromEntries([...attributes.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value])),
  )
}

function plain(text) {
  // eslint-disable-next-line no-control-regex -- the colours of a terminal
  return text.replace(/\x1b\[[\d;]*m/g, '')
}

function missing(name, debian) {
  return new MissingTool(`${name} is not installed, and the scan needs it (Debian: apt-get install ${debian}).`)
}
