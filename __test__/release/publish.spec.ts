import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { type Bill, type Bom, type Entry, type LicenceTexts, type Plan, root, script } from '../_helpers/releasing'

let plan: Plan
let bom: Bom
let licences: LicenceTexts

test.before(async () => {
  plan = await script('release/plan.mjs')
  bom = await script('release/bom.mjs')
  licences = await script('release/licence-texts.mjs')
})

const entry = (name: string, platform?: string): Entry => ({
  name,
  version: '1.0.0',
  file: `${name}-1.0.0.tgz`,
  integrity: `sha512-${name}`,
  ...(platform ? { platform } : {}),
})
const packages = [entry('millrace-linux-x64-gnu', 'linux-x64-gnu'), entry('millrace')]
const facts = { count: 2, integrityOf: ({ integrity }: Entry) => integrity, publishedIntegrity: () => undefined }

test('all that is not published is, the main package last', (t) => {
  t.deepEqual(plan.planOf(packages, facts), { done: [], open: packages, problems: [] })
})

test('a release that broke off goes on where it was', (t) => {
  const publishedIntegrity = ({ name, integrity }: Entry): string | undefined =>
    name === 'millrace' ? undefined : integrity
  const { done, open } = plan.planOf(packages, { ...facts, publishedIntegrity })
  t.deepEqual([done, open], [[packages[0]], [packages[1]]])
})

test('a package that is missing, changed or published otherwise stops it before it begins', (t) => {
  t.deepEqual(plan.planOf(packages, { ...facts, count: 9 }).problems, ['there are 2 packages, not 9'])
  t.deepEqual(plan.planOf(packages.toReversed(), facts).problems, ['the main package must be the last'])
  t.deepEqual(plan.planOf([packages[1]], { ...facts, count: 1, integrityOf: () => 'sha512-other' }).problems, [
    'millrace-1.0.0.tgz is not what was packed and tested',
  ])
  t.deepEqual(plan.planOf([packages[1]], { ...facts, count: 1, publishedIntegrity: () => 'sha512-other' }).problems, [
    'millrace@1.0.0 is published with another content',
  ])
})

test('a prerelease is not what npm installs unasked', (t) => {
  t.is(plan.distTag('1.0.0'), 'latest')
  t.is(plan.distTag('1.0.0-rc.1'), 'next')
  t.throws(() => plan.distTag('1.0'))
})

test('the bill of what is published has the dependencies and platforms, and no tools', (t) => {
  const lock = {
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'millrace' },
      'node_modules/node-gyp-build': { version: '4.8.4' },
      'node_modules/prettier': { version: '3.0.0', dev: true },
      'node_modules/shared': { version: '1.0.0', devOptional: true },
    },
  }
  const published = { name: 'millrace', version: '1.0.0', optionalDependencies: { 'millrace-linux-x64-gnu': '1.0.0' } }
  t.deepEqual(Object.keys(bom.publishedLock(lock, published).packages), [
    '',
    'node_modules/node-gyp-build',
    'node_modules/millrace-linux-x64-gnu',
  ])
})

test('a bill says the same on every machine and at every time', (t) => {
  const bill = (folder: string, timestamp: string): Bill => ({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${timestamp}`,
    metadata: { timestamp },
    components: [
      {
        'bom-ref': `path+file://${folder}/crates/millrace-ws#1.0.0`,
        name: 'millrace-ws',
        purl: 'pkg:cargo/millrace-ws@1.0.0?download_url=file://../millrace-ws',
      },
    ],
  })
  const when = new Date('2026-11-21T12:00:00Z')
  const here = bom.settle(bill('/home/one', 'then'), { when, root: '/home/one' })
  const there = bom.settle(JSON.stringify(bill('/srv/two', 'now')), { when, root: '/srv/two' })
  t.deepEqual(here, there)
  t.regex(here.serialNumber ?? '', /^urn:uuid:[\da-f]{8}-[\da-f]{4}-8[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  t.is(here.metadata['timestamp'], when.toISOString())
  t.deepEqual(here.components, [
    {
      'bom-ref': 'path+file:///crates/millrace-ws#1.0.0',
      name: 'millrace-ws',
      purl: 'pkg:cargo/millrace-ws@1.0.0',
    },
  ])
})

test('what is not shipped does not count as a part of the addon', (t) => {
  const components = [{ name: 'tokio' }, { name: 'cc', scope: 'excluded' }]
  t.true(bom.isLinked(components, 'tokio'))
  t.false(bom.isLinked(components, 'cc'))
  t.false(bom.isLinked(components, 'rustls'))
})

test('the licences of what is linked in must be those of the crates themselves', (t) => {
  const problems = licences.problemsOfLicences(
    '- aws-lc-sys 0.47.0\n- tokio 1.54.0\nCopyright (c) Tokio Contributors\n',
  )
  t.true(problems.some((problem) => problem.startsWith('the licence of aws-lc-sys is not its own')))
  t.true(problems.includes('there is no licence of rustls'))
  t.false(problems.some((problem) => problem.includes('tokio')))
})

test('licences are collected for the platforms that are built, and only those that deny.toml lets in', (t) => {
  const list = (text: string, key: string): string[] =>
    [...(new RegExp(`^${key} = \\[([^\\]]*)\\]`, 'm').exec(text)?.[1] ?? '').matchAll(/"([^"]+)"/g)]
      .map(([, name]) => name ?? '')
      .sort()
  const about = readFileSync(path.join(root, 'scripts', 'release', 'about.toml'), 'utf8')
  const deny = readFileSync(path.join(root, 'deny.toml'), 'utf8')
  const { napi } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { napi: { targets: string[] } }
  t.deepEqual(list(about, 'accepted'), list(deny, 'allow'))
  t.true(list(deny, 'allow').includes('MIT'))
  t.deepEqual(list(about, 'targets'), napi.targets.toSorted())
})

test('texts of licences come with one kind of line ends', (t) => {
  t.is(licences.tidy('a  \r\nb\f\r\n\r\n\n'), 'a\nb\n')
})
