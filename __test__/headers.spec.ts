import test from 'ava'
import { Headers } from '#dist/headers'

// What the core makes of the lines; see `push_field` in crates/millrace-batch.
const block = [
  '\nhost:Aexample.org',
  '\naccept:atext/html',
  '\netag:=ETag:"1"',
  '\naccept:Aapplication/json',
  '\ncookie:Aa=1',
  '\ncookie:Ab=2',
  '\nx-empty:a',
  '\nx-colon:=X-COLON:a:b',
].join('')

const headers = new (Headers as unknown as new (block: string) => Headers)(block)

test('finds a value by name in any case of letters', (t) => {
  t.is(headers.get('host'), 'example.org')
  t.is(headers.get('Host'), 'example.org')
  t.is(headers.get('ETAG'), '"1"')
  t.is(headers.get('x-colon'), 'a:b')
  t.is(headers.get('x-empty'), '')
})

test('says null and false for what is missing, also for a part of a name', (t) => {
  t.is(headers.get('hos'), null)
  t.is(headers.get('ost'), null)
  t.false(headers.has('text/html'))
  t.true(headers.has('Accept'))
  t.is(headers.get(''), null)
})

test('joins repeated lines by a comma, cookies by a semicolon', (t) => {
  t.is(headers.get('accept'), 'text/html, application/json')
  t.is(headers.get('cookie'), 'a=1; b=2')
  t.deepEqual(headers.getAll('accept'), ['text/html', 'application/json'])
  t.deepEqual(headers.getAll('nothing'), [])
  t.deepEqual(headers.getSetCookie(), [])
})

test('iterates in order with lower-case names', (t) => {
  t.deepEqual(
    [...headers],
    [
      ['host', 'example.org'],
      ['accept', 'text/html'],
      ['etag', '"1"'],
      ['accept', 'application/json'],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['x-empty', ''],
      ['x-colon', 'a:b'],
    ],
  )
  t.deepEqual([...headers.keys()], ['host', 'accept', 'etag', 'cookie', 'x-empty', 'x-colon'])
  t.deepEqual([...headers.values()].slice(0, 3), ['example.org', 'text/html', '"1"'])
})

test('keeps the spelling of names in raw', (t) => {
  t.deepEqual(headers.raw, [
    ['Host', 'example.org'],
    ['accept', 'text/html'],
    ['ETag', '"1"'],
    ['Accept', 'application/json'],
    ['Cookie', 'a=1'],
    ['Cookie', 'b=2'],
    ['x-empty', ''],
    ['X-COLON', 'a:b'],
  ])
})

test('calls back in the order of arguments of the Fetch standard', (t) => {
  const seen: string[] = []
  headers.forEach((value, name, all) => {
    t.is(all, headers)
    seen.push(`${name}=${value}`)
  })
  t.is(seen[0], 'host=example.org')
  t.is(seen.length, 8)
})

test('becomes an object without a prototype for logs', (t) => {
  const object = headers.toJSON()
  t.is(object['accept'], 'text/html, application/json')
  t.is(Object.getPrototypeOf(object), null)
  t.is(JSON.parse(JSON.stringify(headers)).host, 'example.org')
})

test('forgets the names it was asked for before they fill the memory', (t) => {
  for (let i = 0; i < 1000; i++) t.is(headers.get(`x-unknown-${i}`), null)
  t.is(headers.get('host'), 'example.org')
})
