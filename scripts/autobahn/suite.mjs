// The Autobahn test suite as a program to run: found or installed, then its fuzzingclient over some of the cases.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { root } from '../_shared.mjs'

const version = '0.8.1'
const here = join(root, 'scripts', 'autobahn')
const home = join(root, 'target', 'autobahn')
const packages = join(home, 'packages')
const requirements = join(here, 'requirements.txt')

/** What the suite goes by in messages and in the pinned result. */
export const suite = `autobahntestsuite ${version}`

/** How many cases there are in it. */
export const caseCount = 517

/** Where each run leaves its reports: pages for a browser, and the JSON they are made from. */
export const reports = join(home, 'reports')

/** What the suite lacks on this machine, as a sentence; see `findSuite`. */
export class MissingSuite extends Error {}

/** The command that starts the suite. Installs it below `target/` when only the interpreter is there. */
export function findSuite() {
  if (outputOf('wstest', ['-a']).includes(`AutobahnTestSuite ${version}`)) return { command: 'wstest', args: [] }

  const python = findPython()
  if (!isInstalled()) install(python)
  return { command: python, args: ['-W', 'ignore', join(here, 'wstest.py')], env: { AUTOBAHN_PACKAGES: packages } }
}

/**
 * Runs the cases the patterns name (`['1.*', '7.1.6']`) against the server at `url`, and resolves with what the suite
 * says of each: a map from case to `{ behavior, behaviorClose, duration, report }`, the last being the path of its JSON.
 */
export async function runCases(found, url, cases, onCase) {
  const outdir = join(reports, cases[0].replaceAll('*', 'x'))
  rmSync(outdir, { recursive: true, force: true })
  mkdirSync(outdir, { recursive: true })
  const servers = [{ agent: 'millrace', url }]
  const spec = { outdir, servers, cases, 'exclude-cases': [], 'exclude-agent-cases': {} }
  writeFileSync(join(outdir, 'spec.json'), JSON.stringify(spec, null, 2))

  await runClient(found, outdir, onCase)
  const index = join(outdir, 'index.json')
  if (!existsSync(index)) throw new Error(`the suite gave no report; what it said is in ${join(outdir, 'log.txt')}`)
  const results = Object.entries(JSON.parse(readFileSync(index, 'utf8')).millrace ?? {})
  return new Map(results.map(([id, { reportfile, ...rest }]) => [id, { ...rest, report: join(outdir, reportfile) }]))
}

// The longest case takes a minute; a client that has begun none for five has lost its way.
async function runClient({ command, args, env }, outdir, onCase) {
  const options = {
    cwd: outdir,
    env: { ...process.env, PYTHONUNBUFFERED: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  }
  const child = spawn(command, [...args, '-m', 'fuzzingclient', '-s', 'spec.json'], options)
  const stop = () => child.kill()
  process.on('exit', stop)
  const watch = setTimeout(stop, 300_000)
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      log += text
      watch.refresh()
      for (let begun = text.split('Running test case').length - 1; begun > 0; begun--) onCase()
    })
  }
  await once(child, 'close')
  clearTimeout(watch)
  process.off('exit', stop)
  writeFileSync(join(outdir, 'log.txt'), log)
}

// pyenv puts a `python2.7` on the PATH that only works where a version is chosen, so each candidate is tried.
function findPython() {
  const pyenv = join(process.env.PYENV_ROOT ?? join(homedir(), '.pyenv'), 'versions')
  const versions = existsSync(pyenv) ? readdirSync(pyenv).filter((name) => name.startsWith('2.7')) : []
  const candidates = ['python2.7', 'python2', ...versions.map((name) => join(pyenv, name, 'bin', 'python2.7'))]

  const python = candidates.find((name) => outputOf(name, ['-c', 'import sys; print(sys.version)']).startsWith('2.7'))
  if (!python) {
    throw new MissingSuite(
      `the Autobahn test suite ${version} runs on CPython 2.7, and there is none on the PATH or under pyenv. ` +
        'Install it with `pyenv install 2.7.18`, or put a `wstest` of that version on the PATH.',
    )
  }
  if (!isInstalled() && !outputOf(python, ['-m', 'pip', '--version']).startsWith('pip')) {
    throw new MissingSuite(`${python} has no pip to install the Autobahn test suite with: \`${python} -m ensurepip\`.`)
  }
  return python
}

function isInstalled() {
  const installed = join(packages, 'requirements.txt')
  return existsSync(installed) && readFileSync(installed, 'utf8') === readFileSync(requirements, 'utf8')
}

function install(python) {
  console.log(`installing the Autobahn test suite ${version} into target/autobahn`)
  rmSync(packages, { recursive: true, force: true })
  mkdirSync(packages, { recursive: true })
  const args = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--target', packages, '-r', requirements]
  const { status, stderr } = spawnSync(python, args, {
    cwd: home,
    encoding: 'utf8',
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  if (status !== 0) throw new MissingSuite(`pip could not install the Autobahn test suite.\n\n${stderr}`)
  // Copied last: an installation that was cut short has none and is made again.
  cpSync(requirements, join(packages, 'requirements.txt'))
}

function outputOf(command, args) {
  const { stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return stdout ?? ''
}
