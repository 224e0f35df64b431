import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'

import { GREETING } from '../handlers/sockets.mjs'
import { canRun, peers } from '../lib/peers.mjs'
import { scenarios } from '../lib/scenarios.mjs'
import { holdingWebSockets } from '../lib/websockets.mjs'

const ofWebSockets = Object.entries(scenarios).filter(([, { websocket }]) => websocket)

test('every WebSocket scenario has the peers its targets name, and the subject', () => {
  for (const [name, scenario] of ofWebSockets) {
    for (const peer of ['millrace', 'uwebsockets', 'bun', 'ws']) assert.ok(canRun(peer, scenario), `${peer} in ${name}`)
  }
})

test('the floor only echoes, and nothing of it is weighed', () => {
  const played = ofWebSockets.filter(([, scenario]) => canRun('floor', scenario)).map(([name]) => name)
  assert.deepEqual(played, ['ws-echo', 'ws-echo-16', 'ws-echo-16k'])
  assert.deepEqual(
    Object.keys(peers).filter((peer) => canRun(peer, scenarios['ws-deflate'])),
    ['millrace', 'uwebsockets', 'bun', 'ws'],
  )
})

test('what is held idle is what the scenario says', () => {
  const [, ...given] = holdingWebSockets(80, scenarios['ws-idle'])
  assert.deepEqual(given, ['idle', '80', 'sockets=8000', 'bytes=64', 'kind=binary'])
})

test('the load waits for the greeting the servers give', async () => {
  const source = await readFile(new URL('../native/websocket/src/publish.rs', import.meta.url), 'utf8')
  assert.ok(source.includes(`b"${GREETING}"`))
})
