import test from 'ava'
import { resolveCompression } from '#dist/compression'
import { createServer } from '#dist/index'
import { nativeOptions, resolveOptions } from '#dist/resolve'

test('without the option nothing is compressed, and the core is told so', (t) => {
  t.is(createServer().options.compression, null)
  t.is(createServer({ compression: false }).options.compression, null)
  const native = nativeOptions(resolveOptions({}), false)
  t.is(native['compressionCodings'], '')
  t.false('gzipLevel' in native)
})

test('the core is told codings in their order, and levels', (t) => {
  const all = nativeOptions(resolveOptions({ compression: true }), false)
  t.like(all, { compressionCodings: 'zstd,br,gzip', gzipLevel: 3, brotliLevel: 2, zstdLevel: 3 })
  const some = nativeOptions(
    resolveOptions({ compression: { codings: ['gzip', 'br', 'gzip'], levels: { gzip: 1, br: 0, zstd: 19 } } }),
    false,
  )
  t.like(some, { compressionCodings: 'gzip,br', gzipLevel: 1, brotliLevel: 0, zstdLevel: 19 })
})

test('what is in force can be looked at, frozen', (t) => {
  const { compression } = createServer({ compression: { threshold: 0 } }).options
  t.like(compression, { threshold: 0, automatic: true, codings: ['zstd', 'br', 'gzip'] })
  t.true(Object.isFrozen(compression) && Object.isFrozen(compression!.codings) && Object.isFrozen(compression!.levels))
})

for (const [type, expected] of [
  ['text/html', true],
  ['text/html; charset=utf-8', true],
  ['TEXT/CSS', true],
  ['text/event-stream', true],
  ['application/json', true],
  [' application/json ;charset=utf-8', true],
  ['application/ld+json', true],
  ['image/svg+xml', true],
  ['application/wasm', true],
  ['application/javascript', true],
  ['image/png', false],
  ['video/mp4', false],
  ['application/zip', false],
  ['application/octet-stream', false],
  ['application/jsonish', false],
  ['a+json', false],
  ['', false],
  ['text', false],
  ['/', false],
] as const) {
  test(`${JSON.stringify(type)} is ${expected ? '' : 'not '}worth compressing`, (t) => {
    const { isCompressible } = resolveCompression(true)!
    t.is(isCompressible(type), expected)
    t.is(isCompressible(type), expected)
  })
}

test('types can be given as a list or a function', (t) => {
  const list = resolveCompression({ types: ['Application/X-Own', 'image/*', '*+zip'] })!
  t.deepEqual(
    ['application/x-own', 'image/bmp', 'a/b+zip', 'text/html'].map((type) => list.isCompressible(type)),
    [true, true, true, false],
  )
  const asked: string[] = []
  const own = resolveCompression({ types: (type: string) => asked.push(type) === 1 })!
  t.deepEqual([own.isCompressible('a/b; c'), own.isCompressible('a/b; c')], [true, false])
  t.deepEqual(asked, ['a/b; c', 'a/b; c'])
})

test('a program that makes types up does not fill the memory', (t) => {
  const { isCompressible } = resolveCompression(true)!
  for (let i = 0; i < 2000; i++) t.true(isCompressible(`text/x-${i}`))
})
