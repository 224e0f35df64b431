import test from 'ava'
import { Queue } from '#dist/queue'

test('what waits comes out in its order, and can wait again', (t) => {
  const queue = new Queue<number>()
  t.is(queue.shift(), undefined)
  for (let round = 0; round < 3; round++) {
    for (let n = 0; n < 4; n++) queue.push(n)
    t.is(queue.length, 4)
    t.is(queue.peek(), 0)
    t.deepEqual([queue.shift(), queue.shift()], [0, 1])
    queue.push(4)
    t.deepEqual([queue.shift(), queue.shift(), queue.shift(), queue.shift()], [2, 3, 4, undefined])
    t.is(queue.length, 0)
    t.is(queue.peek(), undefined)
  }
})

test('half a million things that wait cost no more each than a few', (t) => {
  const queue = new Queue<number>()
  const begun = Date.now()
  for (let n = 0; n < 500_000; n++) queue.push(n)
  for (let n = 0; n < 500_000; n++) if (queue.shift() !== n) t.fail()
  // An array takes a minute and a half.
  t.true(Date.now() - begun < 10_000)
})
