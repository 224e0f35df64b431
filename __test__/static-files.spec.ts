import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import ava from 'ava'
import { useBinding } from '#dist/binding'
import { createServer, staticFiles, type StaticFilesOptions } from '#dist/index'
import { fakeBinding } from './_helpers/fake-lane'
import { serve } from './_helpers/serve'

useBinding(fakeBinding)
const test = ava.serial
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-'))
const file = path.join(directory, 'file.txt')
writeFileSync(file, 'a file')

/** What the core is told of a directory. */
async function told(options?: StaticFilesOptions, pattern = '/assets/*path') {
  const { table } = await serve(createServer().get(pattern, staticFiles(directory, options)))
  const [{ kind, files }] = table.routes
  return { kind, ...files! }
}

test('a directory is told to the core with every default', async (t) => {
  t.deepEqual(await told(), {
    kind: 2,
    root: directory,
    index: ['index.html'],
    dotFiles: false,
    list: false,
    precompressed: false,
    etag: 2,
    lastModified: true,
    ranges: true,
    fields: '',
    parameter: 0,
  })
})

test('every option is told to the core', async (t) => {
  const files = await told({
    index: ['a.html', 'b.html'],
    dotFiles: true,
    list: true,
    precompressed: true,
    etag: 'weak',
    lastModified: false,
    ranges: false,
    cacheControl: 'max-age=60',
    headers: { 'X-Frame-Options': 'DENY' },
    fallback: './app/index.html',
  })
  t.deepEqual(files, {
    kind: 2,
    root: directory,
    index: ['a.html', 'b.html'],
    dotFiles: true,
    list: true,
    precompressed: true,
    etag: 1,
    lastModified: false,
    ranges: false,
    fields: 'X-Frame-Options: DENY\r\ncache-control: max-age=60\r\n',
    fallback: 'app/index.html',
    parameter: 0,
  })
  t.like(await told({ index: false, etag: false }), { index: [], etag: 0 })
})

test('the wildcard is the path, wherever it is among the parameters, and no other parameter is', async (t) => {
  t.is((await told({}, '/:site/:version/*path')).parameter, 2)
  t.is((await told({}, '/')).parameter, -1)
  await t.throwsAsync(told({}, '/:file'), { code: 'ERR_ROUTE_INVALID', message: /wildcard at the end/ })
})

test('a directory is looked up from the working directory of the call, or by URL', (t) => {
  t.is(staticFiles(path.relative(process.cwd(), directory)).directory, directory)
  t.is(staticFiles(pathToFileURL(directory)).directory, directory)
  t.is(staticFiles('.').directory, process.cwd())
})

for (const [given, message] of [
  [path.join(directory, 'missing'), /directory has to be a directory \(ENOENT\), but it is .*missing/],
  [file, /directory has to be a directory, but it is .*file\.txt/],
  ['', /a path or a file: URL/],
  ['a\0b', /a path or a file: URL/],
  [new URL('https://example.org'), /a path or a file: URL/],
  [undefined, /a path or a file: URL/],
] as const) {
  test(`refuses the directory ${inspect(given).replaceAll(directory, '')}: ${message.source}`, (t) => {
    t.throws(() => staticFiles(given as string), { code: 'ERR_INVALID_OPTION', message })
  })
}

for (const options of [
  { index: 'a/b.html' },
  { index: [''] },
  { index: true },
  { etag: true },
  { etag: 'none' },
  { dotFiles: 1 },
  { cacheControl: 60 },
  { headers: [] },
  { headers: { 'content-length': '1' } },
  { fallback: '../index.html' },
  { fallback: '/index.html' },
  { fallback: '' },
  { maxAge: 60 },
  'x',
]) {
  test(`refuses ${JSON.stringify(options)}`, (t) => {
    t.throws(() => staticFiles(directory, options as StaticFilesOptions), { code: 'ERR_INVALID_OPTION' })
  })
}

test('refuses a header that would split the answer', (t) => {
  t.throws(() => staticFiles(directory, { cacheControl: 'a\r\nb: c' }), { code: 'ERR_INVALID_HEADER_VALUE' })
})
