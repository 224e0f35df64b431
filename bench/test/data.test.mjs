import assert from 'node:assert/strict'
import { test } from 'node:test'

import { CATALOGUE_BYTES, catalogue } from '../handlers/catalogue.mjs'
import { contentOf } from '../handlers/files.mjs'
import { ROUTED, ROUTES, routed } from '../handlers/routes.mjs'

test('there are 500 routes, and each is asked for once with parameters of its own', () => {
  assert.equal(new Set(ROUTES).size, 500)
  const patterns = ROUTES.map((pattern) => new RegExp(`^${pattern.replace(/:\w+/g, '([^/]+)')}$`))
  const met = ROUTED.map(({ path, id, item }) => {
    const fitting = patterns.filter((pattern) => pattern.test(path))
    assert.equal(fitting.length, 1)
    assert.equal(routed(...fitting[0].exec(path).slice(1)), routed(id, item))
    return fitting[0]
  })
  assert.equal(new Set(met).size, 500)
  assert.equal(new Set(ROUTED.map(({ id, item }) => routed(id, item))).size, 500)
})

test('the catalogue is 20 KiB of JSON, the same each time', () => {
  assert.equal(Buffer.byteLength(catalogue()), CATALOGUE_BYTES)
  assert.equal(catalogue(), catalogue())
  assert.equal(JSON.parse(catalogue()).articles.length, 20)
})

test('the files have the sizes of their names', () => {
  assert.equal(contentOf('10k.bin').length, 10 * 1024)
  assert.equal(contentOf('10m.bin').length, 10 * 1024 * 1024)
})
