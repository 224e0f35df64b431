import { readFileSync } from 'node:fs'
import path from 'node:path'
import ava from 'ava'
import { Millrace, start, textOf } from '../cli/command'
import { HOME } from './blocks'
import { page } from './page'

const { show } = page('docs/cli.md')
const text = readFileSync(path.join(HOME, 'docs', 'cli.md'), 'utf8')

show('a handler is served, and told when it is over', '// app.mjs', async (t, { run, cwd }) => {
  // As a program it does nothing.
  t.deepEqual(await run(), { code: 0, output: '', errors: '' })
  const millrace = new Millrace(['app.mjs', '--port', '0'], cwd, {})
  t.is(await textOf(`${await millrace.url()}a?b`), 'You asked for /a\n')
  t.is(await millrace.stop(), 0)
})

show('routes are served', '// routes.mjs', async (t, { run, cwd }) => {
  t.deepEqual(await run(), { code: 0, output: '', errors: '' })
  const millrace = new Millrace(['routes.mjs', '--port', '0'], cwd, {})
  const url = await millrace.url()
  t.is(await textOf(`${url}hello/Ada`), 'Hello, Ada!\n')
  t.is(await textOf(`${url}health`), '{"status":"ok"}')
  t.is(await millrace.stop(), 0)
})

const commands = [...text.matchAll(/```sh\n([^`]*)```/g)].flatMap(([, lines]) => lines.trim().split('\n'))

ava('the page has commands', (t) => {
  t.true(commands.length > 5)
  t.true(commands.every((line) => line.startsWith('npx millrace ')))
})

for (const line of commands) {
  ava.serial(`\`${line}\` does what it says`, async (t) => {
    const files = {
      'app.mjs': `export default (request, response) => response.end('a module')`,
      'public/index.html': 'a folder',
      'dist/index.html': 'a folder',
      'index.html': 'a folder',
    }
    const args = line.split(' ').slice(2)
    if (args[0] === 'cert') {
      t.is(await (await start(t, files, args)).ended, 0)
      return
    }
    const millrace = await start(t, files, [...args, '--port', '0'])
    t.is(await textOf(await millrace.url()), args[0].endsWith('.mjs') ? 'a module' : 'a folder')
    t.is(await millrace.stop(), 0)
  })
}

ava('the page and the help have the same options', async (t) => {
  const help = await start(t, {}, ['serve', '--help'])
  t.is(await help.ended, 0)
  const optionsOf = (all: string): string[] =>
    [...new Set([...all.matchAll(/(?<![\w-])--?[a-z][a-z-]*/g)].map(([option]) => option))].sort()
  const rows = [...text.matchAll(/^\| (`-.*?`) +\|/gm)].map(([, option]) => option).join(' ')
  const others = ['--version', '-v']
  t.deepEqual(
    optionsOf(rows).filter((option) => !others.includes(option)),
    optionsOf(help.out.text.replace(/^[^]*?\nWhere:/, '')),
  )
})
