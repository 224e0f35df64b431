import { networkInterfaces } from 'node:os'
import test from 'ava'
import { selfSignedCertificate } from 'millrace'
import { painter, wantsColours } from '#dist/cli/serve/colours'
import { line, networkUrls, summary, type Summary } from '#dist/cli/serve/summary'

const TOLD: Summary = {
  version: '1.2.3',
  what: 'app.mjs',
  address: { address: '127.0.0.1', port: 3000, family: 'IPv4', url: 'http://127.0.0.1:3000' },
  certificate: undefined,
  threads: 1,
  watch: false,
  notes: [],
}

test('there are colours in terminals, and where they are wanted', (t) => {
  const terminal = { isTTY: true }
  for (const [stream, env, isColoured] of [
    [terminal, {}, true],
    [{}, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
    [{}, { FORCE_COLOR: '1' }, true],
    [{}, { FORCE_COLOR: '' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
    [terminal, { TERM: 'dumb' }, false],
    [terminal, { TERM: 'dumb', FORCE_COLOR: '3' }, true],
  ] as Array<[{ isTTY?: boolean }, NodeJS.ProcessEnv, boolean]>) {
    t.is(wantsColours(stream, env), isColoured, JSON.stringify([stream, env]))
  }
})

test('a person is told what is served, and where', (t) => {
  t.is(
    summary(TOLD, painter(false)),
    '\n  millrace 1.2.3 serves app.mjs\n\n  Local  http://localhost:3000/\n\n  Ctrl-C stops it.\n',
  )
  t.is(summary(TOLD, painter(true)).split('\n')[1], '  \x1b[1mmillrace\x1b[22m 1.2.3 serves \x1b[1mapp.mjs\x1b[22m')
})

test('threads, a certificate and what else there is have their lines', (t) => {
  const { cert } = selfSignedCertificate()
  const told = summary({ ...TOLD, certificate: cert, threads: 4, watch: true, notes: ['a word'] }, painter(false))
  t.regex(
    told,
    /\n {2}TLS {6}a certificate made for this run, SHA-256 fingerprint:\n {11}(?:[\dA-F]{2}:){31}[\dA-F]{2}\n/,
  )
  t.regex(told, /\n {2}Threads {2}4\n {2}Note {5}a word\n\n {2}Changes are loaded by themselves\. Ctrl-C stops it\.\n$/)
})

test('a program is told one URL', (t) => {
  t.is(line(TOLD), 'millrace is listening on http://127.0.0.1:3000/')
  const address = { address: '/run/app', port: 0, family: 'unix', path: '/run/app' } as const
  t.is(line({ ...TOLD, address }), 'millrace is listening on unix:/run/app')
})

test('the addresses in the network are told when others reach the server there', (t) => {
  t.deepEqual(networkUrls(TOLD.address), [])
  const outside = Object.values(networkInterfaces()).flatMap((all) => all!.filter(({ internal }) => !internal))
  const four = outside.filter(({ family }) => family === 'IPv4').map(({ address }) => `https://${address}:1/`)
  const url = 'https://localhost:1'
  t.deepEqual(networkUrls({ address: '0.0.0.0', port: 1, family: 'IPv4', url }), four)
  const all = networkUrls({ address: '::', port: 1, family: 'IPv6', url })
  t.true(four.every((one) => all.includes(one)))
  t.false(all.some((one) => /fe80/i.test(one)))
})
