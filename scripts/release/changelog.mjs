// The changelog, read and written by keep-a-changelog and laid out by prettier as all Markdown here.

import { Change, Release, parser } from 'keep-a-changelog'
import { format } from 'prettier'

/** The changelog with what was unreleased as this version, of this day; throws when nothing was. */
export async function releaseChangelog(text, version, date) {
  const changelog = read(text)
  const unreleased = changelog.findRelease()
  if (!unreleased || unreleased.isEmpty()) throw new Error('CHANGELOG.md has nothing under Unreleased.')
  if (changelog.findRelease(version)) throw new Error(`CHANGELOG.md has a section for ${version} already.`)
  unreleased.setVersion(version)
  unreleased.setDate(date)
  changelog.addRelease(new Release())
  return layOut(changelog.toString())
}

/** What the changelog says about a version, without its heading; undefined when it has no such section. */
export async function sectionOf(text, version) {
  const release = read(text).findRelease(version)
  if (!release) return undefined
  const [, ...lines] = release.toString().split('\n')
  return (await layOut(lines.join('\n'))).trim()
}

/** True when what is unreleased tells of something that was changed or removed. */
export function tellsOfBreaking(text) {
  const changes = read(text).findRelease()?.changes
  return Boolean(changes?.get('changed').length || changes?.get('removed').length)
}

function read(text) {
  const changelog = parser(text, { releaseCreator: (...all) => new VerbatimRelease(...all) })
  changelog.format = 'markdownlint'
  return changelog
}

// What a point says stays as it is: the `#12` of PKCS #12 is no issue to be linked to.
class VerbatimRelease extends Release {
  addChange(type, text) {
    const change = new Change('')
    change.title = text
    return super.addChange(type, change)
  }
}

function layOut(text) {
  return format(text, { parser: 'markdown', printWidth: 120, proseWrap: 'always', singleQuote: true })
}
