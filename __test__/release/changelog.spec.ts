import { readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { type Changelog, root, script } from '../_helpers/releasing'

let changelog: Changelog

test.before(async () => {
  changelog = await script('release/changelog.mjs')
})

const day = new Date('2026-11-21T12:00:00Z')
const text = `# Changelog

What changed, in the manner of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## Unreleased

### Changed

- \`read\` takes keys as PKCS #12 as well, and this point is so long that it goes on in a second line, which has to stay
  where it is.

## 0.1.0 - 2026-01-02

### Added

- \`createServer\`.
`

test('what was unreleased becomes the version’s, and the rest stays as it is', async (t) => {
  const heading = '## Unreleased\n'
  t.is(
    await changelog.releaseChangelog(text, '0.2.0', day),
    text.replace(heading, `${heading}\n## 0.2.0 - 2026-11-21\n`),
  )
})

test('a version that is there already is refused', async (t) => {
  await t.throwsAsync(changelog.releaseChangelog(text, '0.1.0', day), { message: /has a section for 0\.1\.0 already/ })
})

test('nothing to tell of is refused', async (t) => {
  const released = await changelog.releaseChangelog(text, '0.2.0', day)
  await t.throwsAsync(changelog.releaseChangelog(released, '0.3.0', day), { message: /nothing under Unreleased/ })
})

test('a version’s section is what its release notes are', async (t) => {
  t.is(await changelog.sectionOf(text, '0.1.0'), '### Added\n\n- `createServer`.')
  t.is(await changelog.sectionOf(text, '0.2.0'), undefined)
})

test('what is unreleased tells whether something was changed or removed', (t) => {
  t.true(changelog.tellsOfBreaking(text))
  t.true(changelog.tellsOfBreaking(text.replace('### Changed', '### Removed')))
  t.false(changelog.tellsOfBreaking(text.replace('### Changed', '### Fixed')))
})

test('the changelog of this repository comes out word for word', async (t) => {
  const own = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8')
  const version = '99.0.0'
  const released = await changelog.releaseChangelog(own, version, day)
  t.is(released.replace(`## ${version} - 2026-11-21\n\n`, ''), own)
})
