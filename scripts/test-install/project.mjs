// A folder outside the repository that something is installed into and run from, as a user's project would be.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../_shared.mjs'
import { expect } from './suite.mjs'
import { makePath, tools } from './tools.mjs'

const programs = join(root, '__test__', 'install', 'project')
export const temporary = mkdtempSync(join(tmpdir(), 'millrace-install-'))
let count = 0

/** An empty project; its commands find nothing but `node` (and its npm), and packages in the test's registry alone. */
export function createProject(registry, node, name = 'app') {
  const base = join(temporary, `${++count}`)
  const directory = join(base, name)
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{ "name": "app", "version": "1.0.0", "private": true }\n')
  const path = makePath(join(base, 'bin'), node.path, node.npm)
  const env = {
    PATH: path,
    HOME: join(base, 'home'),
    TMPDIR: base,
    LANG: 'C.UTF-8',
    npm_config_registry: registry.url,
    npm_config_cache: join(base, 'cache'),
    npm_config_ignore_scripts: 'true',
    YARN_CACHE_FOLDER: join(base, 'yarn'),
    npm_config_update_notifier: 'false',
    npm_config_fund: 'false',
    npm_config_audit: 'false',
    // For the clients of WebSockets of versions of Node.js without one; not under test.
    WS: join(root, 'node_modules', 'ws', 'index.js'),
  }
  mkdirSync(env.HOME)
  return {
    directory,
    base,
    node,
    env,
    copyPrograms() {
      cpSync(programs, directory, { recursive: true })
    },
    write(file, text) {
      writeFileSync(join(directory, file), text)
    },
    /** Runs a command and gives what it said; fails when it does not end as expected. */
    async run(command, args, { code = 0, ...options } = {}) {
      const result = await execute(command, args, { cwd: directory, env, ...options })
      const said = `${result.stdout}${result.stderr}`
      expect(result.code === code, `${[command, ...args].join(' ')}\nended with ${result.code}, not ${code}:\n${said}`)
      return result
    },
    /** Runs a program and expects this on its standard output. */
    async prints(text, args, options) {
      const { stdout } = await this.run(node.path, args, options)
      expect(stdout === text, `${args.join(' ')} printed\n${stdout}\nand not\n${text}`)
    },
    npm(args, options) {
      return this.run(node.path, [node.npm, ...args], options)
    },
  }
}

export function tool(...path) {
  return join(tools, ...path)
}

/** How a command ends; `until` ends it by SIGTERM as soon as its output matches, after `once` was called with the match. */
export function execute(command, args, { until, once, timeout = 90_000, ...options }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let [stdout, stderr, found] = ['', '', false]
    const timer = setTimeout(() => {
      stderr += `\nstopped after ${timeout / 1000} s`
      child.kill('SIGKILL')
    }, timeout)
    const look = async () => {
      const match = !found && until?.exec(stdout + stderr)
      if (!match) return
      found = true
      try {
        await once?.(match)
      } catch (error) {
        stderr += `\n${error.stack}`
        child.kill('SIGKILL')
      }
      child.kill('SIGTERM')
    }
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text
      void look()
    })
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text
      void look()
    })
    child.on('error', (error) => resolve({ code: null, stdout, stderr: `${stderr}${error.message}` }))
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? signal, stdout, stderr })
    })
  })
}
