import test from 'ava'
import { Status, STATUS_CODES } from '#dist/index'

/** IANA's registry of HTTP status codes, without those marked as unused. */
const REGISTERED = [
  100, 101, 102, 103, 104, 200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425,
  426, 428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
]

test('each registered status has a name and a phrase, which are the same words', (t) => {
  const names = new Map(Object.entries(Status).map(([name, code]) => [code as number, name]))
  t.deepEqual([...names.keys()].sort(), [...REGISTERED, 418].sort())
  t.deepEqual(Object.keys(STATUS_CODES).map(Number), [...names.keys()])
  for (const [code, phrase] of Object.entries(STATUS_CODES)) {
    t.is(names.get(Number(code)), phrase.toUpperCase().replaceAll(/[ -]/g, '_').replaceAll("'", ''))
  }
})

test('the statuses of the four documents have their names', (t) => {
  t.is(Status.OK, 200)
  t.is(Status.NOT_FOUND, 404)
  t.is(Status.CONTENT_TOO_LARGE, 413)
  t.is(Status.URI_TOO_LONG, 414)
  t.is(Status.INSUFFICIENT_STORAGE, 507)
  t.is(Status.PERMANENT_REDIRECT, 308)
  t.is(Status.NETWORK_AUTHENTICATION_REQUIRED, 511)
  t.true(Object.isFrozen(Status))
})
