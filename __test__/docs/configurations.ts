import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import path from 'node:path'
import type { ExecutionContext } from 'ava'
import { HOME } from './blocks'

// The configurations of other programs on a page: given to these programs, where they are installed.

/** The text of the page's blocks in a language. */
export function configurations(page: string, language: string): string[] {
  const text = readFileSync(path.join(HOME, page), 'utf8')
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map(([, body]) => body)
}

/** Where a program is; undefined, with a word in the log of the test, where it is not installed. */
export function installed(t: ExecutionContext, name: string): string | undefined {
  // Debian keeps some where only administrators look.
  for (const folder of [...(process.env.PATH ?? '').split(path.delimiter), '/usr/sbin', '/usr/local/sbin']) {
    if (existsSync(path.join(folder, name))) return path.join(folder, name)
  }
  t.log(`skipped: ${name} is not installed`)
  t.pass()
  return undefined
}

/** What a program that checks something has to say. */
export function checked(command: string, args: readonly string[], cwd?: string): { code: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 30_000 })
  return { code: status, said: stdout + stderr }
}

/** Runs a program until the end of the test; resolves once it takes connections at `port`. */
export async function serving(
  t: ExecutionContext,
  port: number,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<ChildProcess> {
  const child = spawn(command, args, {
    ...options,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
  const closed = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await closed
  })
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${command} has ended: ${said}`)
    if (await answers(port)) return child
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) })
    return true
  } catch {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return false
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
