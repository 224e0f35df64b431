// Who is measured, and how each is started.

import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

import { launchNginx, nginxMissing, nginxVersion } from './nginx.mjs'
import { capture } from './processes.mjs'

export const benchRoot = new URL('..', import.meta.url).pathname
export const projectRoot = new URL('../..', import.meta.url).pathname

const require = createRequire(import.meta.url)
const every = ['hello', 'busy', 'json', 'post', 'upload', 'download', 'churn']
const sockets = ['ws-echo', 'ws-publish', 'ws-deflate']
/** What is measured of this server in other runtimes. */
const inside = ['hello', 'json', 'ws-echo']
const bun = '@oven/bun-linux-x64/bin/bun'
const deno = '@deno/linux-x64-glibc/deno'
const denoFlags = ['run', '--allow-net', '--allow-read', '--allow-env', '--no-lock', '--no-config']

/**
 * Each peer: what it is, the handlers it has, those it has over TLS, the command that serves one of them (or `launch`, for one that needs
 * more to start than that), its version, and whether its main thread is the one that runs JavaScript.
 */
export const peers = {
  millrace: {
    about: 'this server',
    handlers: [...every, 'fixed', 'routed', 'files', 'gzip', 'stream', ...sockets],
    overTls: ['hello', 'files'],
    javascript: true,
    command: (handler, { node }) => [node, server('millrace'), handler],
    version: () => require(join(projectRoot, 'package.json')).version,
  },
  'millrace-bun': {
    about: 'this server inside Bun, beside Bun.serve',
    handlers: inside,
    javascript: true,
    command: (handler) => [installed(bun), server('millrace'), handler],
    version: () => packageVersion('@oven/bun-linux-x64'),
    missing: () => missingBinary(bun),
  },
  'millrace-deno': {
    about: 'this server inside Deno, beside Deno.serve',
    handlers: inside,
    javascript: true,
    command: (handler) => [installed(deno), ...denoFlags, '--allow-ffi', server('millrace'), handler],
    version: () => packageVersion('@deno/linux-x64-glibc'),
    missing: () => missingBinary(deno),
  },
  uwebsockets: {
    about: 'uWebSockets.js, its binaries as published on npm under this name',
    handlers: [...every, 'routed', ...sockets],
    overTls: ['hello'],
    javascript: true,
    command: (handler, { node }) => [node, server('uwebsockets'), handler],
    version: () => packageVersion('uwebsockets'),
  },
  bun: {
    about: 'Bun.serve',
    handlers: [...every, 'gzip', ...sockets],
    overTls: ['hello'],
    javascript: true,
    // Bun has no declared length for a stream: what it is given is dropped, and the body comes in chunks.
    chunked: ['download'],
    command: (handler) => [installed(bun), server('bun'), handler],
    version: () => packageVersion('@oven/bun-linux-x64'),
    missing: () => missingBinary(bun),
  },
  deno: {
    about: 'Deno.serve',
    handlers: [...every, 'gzip', 'ws-echo', 'ws-publish'],
    overTls: ['hello'],
    javascript: true,
    command: (handler) => [installed(deno), ...denoFlags, server('deno'), handler],
    version: () => packageVersion('@deno/linux-x64-glibc'),
    missing: () => missingBinary(deno),
  },
  node: {
    about: 'node:http, and node:https over TLS',
    handlers: [...every, 'gzip', 'stream'],
    overTls: ['hello'],
    javascript: true,
    command: (handler, { node }) => [node, server('node-http'), handler],
    version: ({ node }) => capture(node, ['-p', 'process.versions.node']),
  },
  fastify: {
    about: 'Fastify on node:http, with @fastify/static and @fastify/compress',
    handlers: [...every, 'routed', 'files', 'gzip'],
    javascript: true,
    command: (handler, { node }) => [node, server('fastify'), handler],
    version: () => packageVersion('fastify'),
  },
  hono: {
    about: 'Hono on @hono/node-server',
    handlers: [...every, 'routed'],
    javascript: true,
    command: (handler, { node }) => [node, server('hono'), handler],
    version: () => packageVersion('hono'),
  },
  ws: {
    about: 'ws on node:http',
    handlers: sockets,
    javascript: true,
    command: (handler, { node }) => [node, server('ws'), handler],
    version: () => packageVersion('ws'),
  },
  nginx: {
    about: 'nginx with one worker, as Debian has it',
    handlers: ['files'],
    overTls: ['hello', 'files'],
    javascript: false,
    launch: launchNginx,
    version: nginxVersion,
    missing: nginxMissing,
  },
  hyper: {
    about: 'hyper on one current-thread runtime, no JavaScript; rustls where it is TLS',
    handlers: every,
    overTls: ['hello'],
    javascript: false,
    native: true,
    command: (handler) => [binary('bench-hyper'), handler],
    version: () => lockedVersion('hyper'),
  },
  floor: {
    about: 'a bare epoll loop with a fixed answer, or an echo: what the kernel alone costs',
    handlers: ['hello', 'ws-echo'],
    javascript: false,
    native: true,
    command: (handler) => [binary('bench-floor'), handler],
    version: () => '',
  },
}

/** Whether a peer can run a scenario: the floor knows one answer, and keeps nothing worth weighing. */
export function canRun(peer, scenario) {
  const { handlers, overTls = [] } = peers[peer]
  const has = scenario.tls ? overTls : handlers
  return has.includes(handlerOf(peer, scenario)) && !(peer === 'floor' && scenario.notForFloor)
}

/** A scenario may ask for one handler of a server and for another of the rest. */
export function handlerOf(peer, scenario) {
  return scenario.handlers?.[peer] ?? scenario.handler
}

function server(name) {
  return join(benchRoot, 'servers', `${name}.mjs`)
}

function binary(name) {
  return join(benchRoot, 'target/release', name)
}

function installed(path) {
  return join(benchRoot, 'node_modules', path)
}

function missingBinary(path) {
  return !existsSync(installed(path)) && 'its package has no binary for this machine'
}

function packageVersion(name) {
  return require(join(benchRoot, 'node_modules', name, 'package.json')).version
}

function lockedVersion(crate) {
  const lock = readFileSync(join(benchRoot, 'Cargo.lock'), 'utf8')
  return new RegExp(`name = "${crate}"\\nversion = "([^"]+)"`).exec(lock)[1]
}
