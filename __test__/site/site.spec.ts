import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import test, { type ExecutionContext } from 'ava'
import { fetch } from 'undici'

// The site of the documentation: what is looked for in its pages, and how they are served. That it can be built, and what a
// browser makes of it, is for `npm run docs -- --screens`.

const scripts = path.join(path.dirname(require.resolve('millrace/package.json')), 'scripts', 'docs')

const PAGE = (body: string): string => `<!DOCTYPE html><html><body><main><h1>A page</h1>${body}</main></body></html>`

test('what leads somewhere is no fault', async (t) => {
  const faults = await faultsOf(t, {
    'index.html': PAGE(
      '<a href="/guides/a#place">a</a><a href="https://example.org/">out</a><img src="/p.svg" alt="p">',
    ),
    'guides/a.html': PAGE('<h2 id="place">Place</h2><a href="#place">here</a><a href="./../">home</a>'),
    'p.svg': '<svg/>',
  })
  t.deepEqual(faults, [])
})

for (const [fault, body, told] of [
  ['a page that is not there', '<a href="/nowhere">x</a>', '/: href /nowhere leads nowhere'],
  ['a place that is not on the page', '<a href="/#nowhere">x</a>', '/: /#nowhere names no place on that page'],
  ['a picture that is not there', '<img src="/x.svg" alt="x">', '/: src /x.svg leads nowhere'],
  ['a picture without a text', '<img src="/index.html">', '/: no alt: <img src="/index.html">'],
  [
    'what comes from elsewhere',
    '<img src="https://example.org/x" alt="">',
    '/: https://example.org/x comes from elsewhere',
  ],
  ['style the policy refuses', '<p style="color: red">x</p>', '/: style within the page: <p style="color: red">'],
  ['a second title', '<h1>x</h1>', '/: it has no h1, or several'],
] as const) {
  test(`${fault} is a fault`, async (t) => t.deepEqual(await faultsOf(t, { 'index.html': PAGE(body) }), [told]))
}

test('headings have the names that GitHub gives them', async (t) => {
  const { slugify } = await load('../../site/.vitepress/markdown.mjs')
  t.deepEqual(
    ['ERR_BODY_USED', 'What is there, and what is not', '`server.close()`', 'Größe & Maß', 'node:http'].map(slugify),
    ['err_body_used', 'what-is-there-and-what-is-not', 'serverclose', 'größe--maß', 'nodehttp'],
  )
})

test('pages are served by their names, with a policy, and asked for again', async (t) => {
  const url = await serve(t)
  const page = await fetch(`${url}/guides/a`)
  t.is(page.status, 200)
  t.is(await page.text(), PAGE('a guide'))
  t.is(page.headers.get('content-security-policy'), "default-src 'none'")
  t.is(page.headers.get('cache-control'), 'no-cache')
  const again = await fetch(`${url}/guides/a`, { headers: { 'if-none-match': page.headers.get('etag')! } })
  t.is(again.status, 304)
  t.is(await (await fetch(`${url}/`)).text(), PAGE('home'))
})

test('files with a hash in their names are kept', async (t) => {
  const file = await fetch(`${await serve(t)}/assets/a.123.js`)
  t.is(file.headers.get('cache-control'), 'public, max-age=31536000, immutable')
})

test('a folder’s page is at its name with a slash', async (t) => {
  const answer = await fetch(`${await serve(t)}/guides`, { redirect: 'manual' })
  t.deepEqual([answer.status, answer.headers.get('location')], [308, '/guides/'])
})

test('what is not there is answered with the page that says so, and nothing outside is there', async (t) => {
  const url = await serve(t)
  for (const place of ['/nowhere', '/nowhere/', '/guides/a/b', '/%2e%2e/policy.txt', '/assets/nothing.js']) {
    const answer = await fetch(url + place)
    t.is(answer.status, 404, place)
    if (!place.startsWith('/assets/')) t.is(await answer.text(), PAGE('nothing here'), place)
  }
})

async function faultsOf(t: ExecutionContext, files: Record<string, string>): Promise<string[]> {
  const { check } = await load('check.mjs')
  return check(folder(t, files), () => {})
}

/** Serves a small site, and gives its address. */
async function serve(t: ExecutionContext): Promise<string> {
  const { serveSite } = await load('serve.mjs')
  const root = folder(t, {
    'index.html': PAGE('home'),
    '404.html': PAGE('nothing here'),
    'guides/index.html': PAGE('guides'),
    'guides/a.html': PAGE('a guide'),
    'assets/a.123.js': 'export default 1',
    '../policy.txt': "default-src 'none'",
  })
  const { url, server } = await serveSite({ port: 0, root })
  t.teardown(() => server.close({ timeout: 1000 }))
  return url
}

/** A folder in a folder of its own. */
function folder(t: ExecutionContext, files: Record<string, string>): string {
  const place = mkdtempSync(path.join(tmpdir(), 'millrace-site-'))
  t.teardown(() => rmSync(place, { recursive: true }))
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(place, 'html', name)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  return path.join(place, 'html')
}

async function load(name: string): Promise<Record<string, (...args: any[]) => any>> {
  return import(pathToFileURL(path.join(scripts, name)).href)
}
