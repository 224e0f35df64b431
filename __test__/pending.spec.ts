import test from 'ava'
import { PendingExchanges } from '#dist/pending'

type Item = Parameters<PendingExchanges['add']>[0]

const item = (connection: number, generation: number, sequence: number): Item =>
  ({ _connection: connection, _generation: generation, _sequence: sequence, _next: null }) as unknown as Item

test('finds what was added by connection, generation and sequence', (t) => {
  const pending = new PendingExchanges()
  const names: Array<[number, number, number]> = [
    [0, 0, 0],
    [0, 0, 1],
    [0, 1, 0],
    [5000, 0, 0],
    // The highest thread's number makes the connection negative in a signed word.
    [(0xff << 24) | 3, -1, -1],
  ]
  const items = names.map((name) => item(...name))
  t.is(pending.find(0, 0, 0), null)
  for (const one of items) pending.add(one)
  t.is(pending.size, 5)
  names.forEach((name, index) => t.is(pending.find(...name), items[index]))
  t.is(pending.find(1, 0, 0), null)
  t.is(pending.find(0, 0, 2), null)
  t.is(pending.find(7 << 24, 0, 0), null)
  t.is(pending.find(99_999, 0, 0), null)
})

test('removes from the start, the middle and the end of a connection, in any order', (t) => {
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2],
    [1, 2, 0],
    [0, 2, 1],
  ]) {
    const pending = new PendingExchanges()
    const items = [item(9, 0, 0), item(9, 0, 1), item(9, 0, 2)]
    for (const one of items) pending.add(one)
    const left = new Set(items)
    for (const index of order) {
      pending.remove(items[index])
      left.delete(items[index])
      const found = new Set<Item>()
      pending.forEach((one) => found.add(one))
      t.true(found.size === left.size && [...left].every((one) => found.has(one)))
      t.is(pending.size, left.size)
    }
    pending.remove(items[0])
    t.is(pending.size, 0, 'twice does nothing')
  }
})

test('each can be removed while all are looked at', (t) => {
  const pending = new PendingExchanges()
  for (let i = 0; i < 100; i++) pending.add(item(i % 10, 0, i))
  let seen = 0
  pending.forEach((one) => {
    seen++
    pending.remove(one)
  })
  t.is(seen, 100)
  t.is(pending.size, 0)
})
