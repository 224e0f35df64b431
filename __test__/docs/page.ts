import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import ava, { type ExecutionContext } from 'ava'
import { blocksOf, complete, HOME, nameOf, type Block } from './blocks'

// Runs the programs of a page of the documentation, each in a process and in a folder of its own. See blocks.ts for what
// counts as a program.

export interface Page {
  /**
   * A test of the program that has `mark` in its text; no other may have it. With several marks the first program is the
   * one that runs, and the others are files beside it, named by their first line (`// app.mjs`).
   */
  show(title: string, mark: string | readonly string[], check: Check): void
}

export type Check = (t: ExecutionContext, program: Program) => Promise<void>

export interface Program {
  /** An empty folder but for the program, which runs there. */
  readonly cwd: string
  /** Runs a program that serves, until the end of the test. Its first line has to be, or to end with, its address. */
  start(change?: Change, env?: NodeJS.ProcessEnv): Promise<Running>
  /** Runs a program to its end. */
  run(change?: Change, env?: NodeJS.ProcessEnv): Promise<Ended>
}

export type Change = (source: string) => string

export interface Running {
  /** Without a `/` at its end. */
  readonly url: string
  readonly child: ChildProcess
  /** What it has written to standard output, and to standard error. */
  output(): string
  errors(): string
}

export interface Ended {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

/** Ports are left to the system, so that nothing else on the machine is in the way. */
export const freePorts: Change = (source) =>
  source.replace(/\bport: \d+/g, 'port: 0').replace(/\.listen\(\d+\)/g, '.listen(0)')

/** The page at `name`, from the root of the repository. Each of its programs has to be shown. */
export function page(name: string): Page {
  const blocks = blocksOf(name).filter(({ kind }) => kind === 'program' || kind === 'fragment')
  const shown = new Set<Block>()
  const folder = path.join(HOME, 'build', 'docs', name.replace(/^docs\/|\.md$/g, '').replaceAll('/', '-'))
  let programs = 0

  const find = (mark: string): Block => {
    const [found, ...others] = blocks.filter(({ source }) => source.includes(mark))
    if (found === undefined) throw new Error(`${name}: there is no program with ${mark}`)
    if (others.length > 0) throw new Error(`${name}: there are several programs with ${mark}`)
    shown.add(found)
    return found
  }

  ava.serial(`${name}: every program is shown`, (t) => {
    t.deepEqual(
      blocks.filter((block) => !shown.has(block)).map(({ line }) => `${name}:${line}`),
      [],
    )
  })
  ava.before(() => rmSync(folder, { recursive: true, force: true }))
  ava.after.always(() => rmSync(folder, { recursive: true, force: true }))

  return {
    show(title, mark, check) {
      const [main, ...beside] = [mark].flat().map(find)
      ava.serial(`${name}: ${title}`, async (t) => {
        const cwd = path.join(folder, String(++programs))
        mkdirSync(cwd, { recursive: true })
        const prepare = (change: Change): string => {
          for (const block of beside) writeFileSync(path.join(cwd, nameOf(block) ?? 'beside.mjs'), change(block.source))
          const file = path.join(cwd, nameOf(main) ?? 'program.mjs')
          writeFileSync(file, change(complete(main)))
          return file
        }
        await check(t, {
          cwd,
          start: (change = freePorts, env = {}) => start(t, launch(t, prepare(change), cwd, env)),
          run: async (change = freePorts, env = {}) => {
            const child = launch(t, prepare(change), cwd, env)
            const [output, errors, [code]] = await Promise.all([
              text(child.stdout!),
              text(child.stderr!),
              once(child, 'close') as Promise<[number | null]>,
            ])
            return { code, output, errors }
          },
        })
      })
    },
  }
}

function launch(t: ExecutionContext, file: string, cwd: string, env: NodeJS.ProcessEnv): ChildProcess {
  const child = spawn(process.execPath, [file], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

async function start(t: ExecutionContext, child: ChildProcess): Promise<Running> {
  let output = ''
  let errors = ''
  child.stderr!.on('data', (chunk) => (errors += chunk))
  child.stdout!.on('data', (chunk) => (output += chunk))
  t.teardown(() => (t.passed || errors === '' ? undefined : t.log(errors)))
  const [first] = (await Promise.race([once(createInterface(child.stdout!), 'line'), once(child, 'close')])) as [
    unknown,
  ]
  const url = /https?:\/\/\S+?(?=\/?$)/.exec(String(first))
  if (url === null) throw new Error(`the program has not begun with its address: ${String(first)}\n${errors}`)
  return { url: url[0], child, output: () => output, errors: () => errors }
}
