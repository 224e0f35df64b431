import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import test from 'ava'
import { format, resolveConfig } from 'prettier'
import { isDifferent, type Chapter, type Different } from './behaviour'
import { CHAPTERS } from './chapters'

// docs/compatibility.md is the suite as a text for people. With UPDATE_DOCS=1 this writes it anew.

const page = path.join(path.dirname(require.resolve('millrace/package.json')), 'docs', 'compatibility.md')

test('docs/compatibility.md says what the suite expects', async (t) => {
  const options = await resolveConfig(page)
  const expected = await format(write(CHAPTERS), { ...options, parser: 'markdown' })
  if (process.env['UPDATE_DOCS'] !== undefined) await writeFile(page, expected)
  t.is(await readFile(page, 'utf8'), expected)
})

test('no sentence is there twice', (t) => {
  const sentences = CHAPTERS.flatMap(({ behaviours }) => behaviours.map(({ what }) => what))
  t.is(new Set(sentences).size, sentences.length)
})

function write(chapters: readonly Chapter[]): string {
  return `# Compatibility with \`node:http\`

One suite of HTTP behaviour, \`__test__/parity\`, has the same conversations over sockets with this server and with \`node:http\`, each with all its defaults.
What a client can tell apart is listed here with its reason, then what is the same. This page is written by the suite, and a test fails when they disagree:
\`UPDATE_DOCS=1 npm test -- --js build/test/parity/compatibility.spec.js\` writes it anew.

## What differs

${chapters.map(differences).join('\n')}

## What is the same

${chapters.map(agreements).join('\n')}
`
}

function differences({ title, behaviours }: Chapter): string {
  const different = behaviours.filter(isDifferent)
  return different.length === 0 ? '' : `### ${title}\n\n${different.map(difference).join('\n')}\n`
}

function difference({ what, does, because }: Different): string {
  return `- **${escaped(capitalised(what))}** ${escaped(does.millrace)}; with node:http it ${escaped(does.node)}. ${escaped(because)}`
}

function agreements({ title, behaviours }: Chapter): string {
  const same = behaviours.filter((behaviour) => !isDifferent(behaviour))
  const lines = same.map(({ what, does }) => `- ${escaped(capitalised(`${what} ${String(does)}`))}.`)
  return `### ${title} that both treat alike\n\n${lines.join('\n')}\n`
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Asterisks are targets here, not emphasis. */
function escaped(text: string): string {
  return text.replaceAll('*', '\\*')
}
