import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { createServer, type ServerOptions } from '#dist/index'
import { COMPRESSION_RULES, LEVEL_RULES } from '#dist/compression'
import { nativeOptions, resolveOptions, RULES } from '#dist/resolve'
import { TLS_RULES } from '#dist/tls/resolve'
import { WEBSOCKET_RULES } from '#dist/websocket-options'

const home = path.dirname(require.resolve('millrace/package.json'))

interface Rule {
  kind: string
  initial: unknown
  min?: number
  max?: number
}

/** Every option by its full name. */
function rules(): Map<string, Rule> {
  const all = new Map<string, Rule>()
  for (const [name, rule] of Object.entries<Rule>(RULES.top)) {
    if (name !== 'limits' && name !== 'timeouts') all.set(name, rule)
  }
  for (const group of ['limits', 'timeouts', 'keepAliveProbes'] as const) {
    for (const [name, rule] of Object.entries<Rule>(RULES[group])) all.set(`${group}.${name}`, rule)
  }
  for (const [name, rule] of Object.entries<Rule>(COMPRESSION_RULES)) {
    if (name !== 'levels') all.set(`compression.${name}`, rule)
  }
  for (const [name, rule] of Object.entries<Rule>(TLS_RULES)) all.set(`tls.${name}`, rule)
  for (const [name, rule] of Object.entries<Rule>(LEVEL_RULES)) all.set(`compression.levels.${name}`, rule)
  return all
}

/** Every option of a definition of WebSockets. */
function webSocketRules(): Map<string, Rule> {
  const all = new Map<string, Rule>()
  for (const [group, names] of Object.entries<Record<string, Rule>>(WEBSOCKET_RULES)) {
    for (const [name, rule] of Object.entries(names)) {
      const isGroup = name === 'limits' || name === 'timeouts'
      if (rule.kind !== 'function' && !isGroup) all.set(`webSocket.${group === 'top' ? '' : `${group}.`}${name}`, rule)
    }
  }
  return all
}

test('docs/defaults.md has a row for each option, with its default and what is allowed', (t) => {
  const docs = readFileSync(path.join(home, 'docs', 'defaults.md'), 'utf8')
  const row = /^\| (?:<a id="([\w-]+)"><\/a>)?`([\w.]+)` *\| *([^|]*?) *\| *([^|]*?) *\| *([^|]*?) *\|$/gm
  const rows = [...docs.matchAll(row)].map(([, ...cells]) => cells)
  const all = new Map([...rules(), ...webSocketRules()])
  t.deepEqual(rows.map(([, name]) => name).sort(), [...all.keys()].sort())
  for (const [anchor, name, initial, allowed, why] of rows) {
    t.is(anchor, `option-${name.toLowerCase().replaceAll('.', '-')}`)
    t.regex(why, /^\S.{5,}[.:]$/, name)
    const rule = all.get(name)!
    if (name === 'ioThreads') t.is(initial, 'half of the cores, 1 to 4')
    else if (Array.isArray(rule.initial))
      for (const one of rule.initial as string[]) t.true(initial.includes(`\`${one}\``), one)
    else t.is(initial, `\`${rule.initial === undefined ? 'none' : String(rule.initial)}\``, name)
    if (rule.kind === 'integer') t.true(allowed.includes(`${rule.min} to ${rule.max}`), name)
  }
})

test('the docstring of each option says its default', (t) => {
  const read = (name: string): string => readFileSync(path.join(home, 'src', name), 'utf8')
  const sockets = read('websocket-options.ts') + read('websocket-route.ts')
  for (const [name, { kind, initial }] of [...rules(), ...webSocketRules()]) {
    const source = name.startsWith('webSocket.') ? sockets : read('options.ts') + read('tls/options.ts')
    const own = name.split('.').at(-1)!
    const docs = [...source.matchAll(new RegExp(`/\\*\\*((?:(?!\\*/)[^])*)\\*/\\s+${own}\\?:`, 'g'))]
      .map(([, text]) => text.replaceAll(/\s+\*?\s*/g, ' '))
      .join(' ')
    t.regex(docs, /Default/, name)
    if (kind === 'integer' && name !== 'ioThreads' && initial !== undefined)
      t.true(docs.includes(`Default: ${String(initial)}`), `${name} ${docs}`)
  }
})

test('a server shows every option in force, frozen', (t) => {
  const { options } = createServer({ port: 8080, limits: { bodyBytes: 1 }, keepAliveProbes: true })
  t.is(options.port, 8080)
  t.is(options.limits.bodyBytes, 1)
  t.is(options.limits.headerBytes, 16_384)
  t.is(options.timeouts.idle, 75_000)
  t.deepEqual(options.keepAliveProbes, { delay: 60_000, interval: 10_000, count: 6 })
  t.true(Object.isFrozen(options) && Object.isFrozen(options.limits) && Object.isFrozen(options.timeouts))
  t.true(options.ioThreads >= 1 && options.ioThreads <= 4)
  t.is(createServer().options.keepAliveProbes, false)
})

test('a handler alone will do, and undefined stands for the default', (t) => {
  const handler = (): void => {}
  t.is(createServer(handler).options.handler, handler)
  t.is(createServer({ handler, backlog: undefined, limits: undefined }).options.backlog, 1024)
})

for (const [options, type, message] of [
  [{ port: '80' }, TypeError, /The option port has to be a whole number from 0 to 65535, but it is "80"/],
  [{ port: 65_536 }, RangeError, /option port .* 65536/],
  [{ port: 1.5 }, RangeError, /option port .* 1\.5/],
  [{ port: -1 }, RangeError, /option port/],
  [{ port: Number.NaN }, RangeError, /option port .* NaN/],
  [{ port: Infinity }, RangeError, /option port .* Infinity/],
  [{ port: null }, TypeError, /option port .* null/],
  [{ host: '' }, TypeError, /option host/],
  [{ host: 1 }, TypeError, /option host/],
  [{ path: 'a\0b' }, TypeError, /option path/],
  [{ path: '/x', port: 80 }, TypeError, /option path/],
  [{ path: '/x', host: 'h' }, TypeError, /option path/],
  [{ noDelay: 1 }, TypeError, /option noDelay has to be true or false, but it is 1/],
  [{ handler: {} }, TypeError, /option handler has to be a function or a list of functions, but it is an object/],
  [{ handler: [] }, TypeError, /option handler .* an empty list/],
  [{ handler: [() => {}, 1] }, TypeError, /option handler .* 1/],
  [{ routes: [] }, TypeError, /option routes has to be an object/],
  [{ trailingSlash: true }, TypeError, /option trailingSlash has to be "strict" or "ignore", but it is true/],
  [{ accept: 'never' }, TypeError, /option accept/],
  [{ compression: 'gzip' }, TypeError, /option compression has to be true, false, or an object/],
  [{ compression: { codings: ['deflate'] } }, TypeError, /option compression\.codings/],
  [{ compression: { codings: [] } }, TypeError, /option compression\.codings/],
  [{ compression: { threshold: -1 } }, RangeError, /option compression\.threshold/],
  [{ compression: { types: ['json'] } }, TypeError, /option compression\.types/],
  [{ compression: { levels: { gzip: 10 } } }, RangeError, /option compression\.levels\.gzip/],
  [{ compression: { gzip: 1 } }, TypeError, /no option compression\.gzip/],
  [{ threshold: 1 }, TypeError, /no option threshold\. Did you mean compression\.threshold\?/],
  [{ onError: 'x' }, TypeError, /option onError/],
  [{ backlog: 0 }, RangeError, /option backlog/],
  [{ linger: -1 }, RangeError, /option linger .*, or null/],
  [{ ioThreads: 0 }, RangeError, /option ioThreads/],
  [{ keepAliveProbes: 1 }, TypeError, /option keepAliveProbes/],
  [{ keepAliveProbes: { delay: 0 } }, RangeError, /option keepAliveProbes\.delay/],
  [{ limits: 1 }, TypeError, /option limits has to be an object/],
  [{ limits: [] }, TypeError, /option limits has to be an object/],
  [
    { limits: { bodyBytes: '8mb' } },
    TypeError,
    /option limits\.bodyBytes has to be a whole number from 0, or Infinity/,
  ],
  [{ limits: { bodyBytes: -1 } }, RangeError, /option limits\.bodyBytes/],
  [{ limits: { headerBytes: 1024 } }, TypeError, /limits\.targetBytes has to be at most limits\.headerBytes \(1024\)/],
  [{ timeouts: { idle: Infinity } }, RangeError, /option timeouts\.idle/],
  [{ prot: 80 }, TypeError, /no option prot\. Did you mean port\?/],
  [{ bodyBytes: 1 }, TypeError, /no option bodyBytes\. Did you mean limits\.bodyBytes\?/],
  [{ idle: 1 }, TypeError, /no option idle\. Did you mean timeouts\.idle\?/],
  [{ limits: { bodybytes: 1 } }, TypeError, /no option limits\.bodybytes\. Did you mean limits\.bodyBytes\?/],
  [{ xyzzy: 1 }, TypeError, /no option xyzzy\. Known are: handler, /],
  [{ toString: 1 }, TypeError, /no option toString/],
  ['x', TypeError, /options has to be an object/],
  [7, TypeError, /options has to be an object/],
] as const) {
  test(`refuses ${JSON.stringify(options)} (${message.source})`, (t) => {
    t.throws(() => createServer(options as unknown as ServerOptions), {
      instanceOf: type,
      code: 'ERR_INVALID_OPTION',
      message,
    })
  })
}

test('the core gets every option it knows, and nothing for what is the system’s', (t) => {
  const native = nativeOptions(
    resolveOptions({ keepAliveProbes: { delay: 5000 }, linger: 0, sendBufferSize: 4096 }),
    false,
  )
  t.like(native, {
    backlog: 1024,
    keepAliveDelay: 5000,
    keepAliveInterval: 10_000,
    keepAliveCount: 6,
    linger: 0,
    sendBufferSize: 4096,
    maxHeaderBytes: 16_384,
    maxBodyBytes: 8 * 1024 * 1024,
    maxConnections: Infinity,
    writeBufferHigh: 262_144,
    writeBufferLow: 65_536,
    headersTimeout: 15_000,
    minBodyRate: 240,
    reportConnectionErrors: false,
    reportAnswers: false,
  })
  t.false('receiveBufferSize' in native)
  const plain = nativeOptions(resolveOptions({ onError: () => {} }), false)
  t.false('linger' in plain || 'keepAliveDelay' in plain || 'sendLowWatermark' in plain)
  t.true(plain['reportConnectionErrors'])
})

test('the core’s own list of options is served', (t) => {
  const source = readFileSync(path.join(home, 'crates', 'millrace-node', 'src', 'options.rs'), 'utf8')
  const struct = /pub struct ListenOptions \{([^}]*)\}/.exec(source)![1]
  const names = [...struct.matchAll(/pub (\w+): (Option)?/g)].map(([, name, optional]) => ({
    name: name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    optional,
  }))
  const native = nativeOptions(
    resolveOptions({
      keepAliveProbes: true,
      compression: true,
      linger: 1,
      sendBufferSize: 1,
      receiveBufferSize: 1,
      sendLowWatermark: 1,
      receiveLowWatermark: 1,
    }),
    false,
  )
  const placed = new Set([...Object.keys(native), 'host', 'port', 'path', 'plain', 'nameTimeout'])
  t.deepEqual(names.map(({ name }) => name).sort(), [...placed].sort())
})
