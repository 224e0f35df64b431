import test from 'ava'
import { isDifferent, observe } from './behaviour'
import { CHAPTERS } from './chapters'
import type { ServerName } from './servers'

// The same conversations with this server and with node:http, each with all its defaults. What is expected is in the chapters.

const SERVERS: readonly ServerName[] = ['millrace', 'node']

for (const { title, behaviours } of CHAPTERS) {
  for (const behaviour of behaviours) {
    for (const name of SERVERS) {
      const [does, seen] = isDifferent(behaviour)
        ? [behaviour.does[name], behaviour.seen[name]]
        : [behaviour.does, behaviour.seen]

      // One after the other: a conversation may remember something between its handler and its client.
      test.serial(`${name}, ${title.toLowerCase()}: ${behaviour.what} ${does}`, async (t) => {
        t.deepEqual(await observe(name, behaviour), [...seen])
      })
    }
  }
}

test('what differs really differs', (t) => {
  for (const { behaviours } of CHAPTERS) {
    for (const { what, seen } of behaviours.filter(isDifferent)) t.notDeepEqual(seen.millrace, seen.node, what)
  }
})
