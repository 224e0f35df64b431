import test from 'ava'
import { fieldOf, Special } from '#dist/fields'
import { Head, NO_FIELDS, withField } from '#dist/head'

const block = (head: Head): string => Buffer.from(head.words.buffer).subarray(0, head.length).toString('latin1')

test('a head has its lines ready, padded to words', (t) => {
  const head = new Head([fieldOf('x-a', 'b'), fieldOf('content-length', '5'), fieldOf('x-ü'.slice(0, 2), 'ü')])
  t.is(block(head), 'x-a: b\r\nx-: ü\r\n')
  t.is(head.words.length, Math.ceil(head.length / 4))
  t.is(head.special, Special.length)
  t.is(NO_FIELDS.length, 0)
})

test('a way is remembered when it was taken twice in a row', (t) => {
  const head = new Head([])
  t.is(head.next('a', 'b'), null)
  head.taken('a', 'b')
  t.is(head.next('a', 'b'), null)
  head.taken('a', 'c')
  head.taken('a', 'b')
  t.is(head.next('a', 'b'), null)
  head.taken('a', 'b')
  const next = head.next('a', 'b')!
  t.is(block(next), 'a: b\r\n')
  t.is(head.next('a', 'b'), next)
  t.is(head.next('a', 'c'), null)
  t.is(head.next('b', 'b'), null)
})

test('a way may be taken over by one that is seen more', (t) => {
  const head = new Head([])
  for (const value of ['b', 'b', 'c', 'c']) head.taken('a', value)
  t.is(head.next('a', 'b'), null)
  t.is(block(head.next('a', 'c')!), 'a: c\r\n')
})

test('long values are not remembered', (t) => {
  const head = new Head([])
  const value = 'x'.repeat(300)
  head.taken('a', value)
  head.taken('a', value)
  t.is(head.next('a', value), null)
})

test('a field takes the place of the first of its name', (t) => {
  const [a, b, again, other] = [fieldOf('a', '1'), fieldOf('b', '1'), fieldOf('A', '2'), fieldOf('A', '3')]
  t.deepEqual(withField([a, b, again], other), [other, b])
  t.deepEqual(withField([b], other), [b, other])
})

test('a line made before is found again', (t) => {
  t.is(fieldOf('x-same', 'value'), fieldOf('x-same', 'value'))
  t.not(fieldOf('x-same', 'value'), fieldOf('X-Same', 'value'))
  t.is(fieldOf('x-empty', '').line, 'x-empty: \r\n')
})
