import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import test from 'ava'
import { root } from '../_helpers/releasing'

// The workflows run elsewhere, and seldom; what can be said of them here is that they call what there is.

const text = (name: string): string => readFileSync(path.join(root, '.github', 'workflows', name), 'utf8')
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
  napi: { targets: string[] }
}

for (const name of ['ci.yml', 'release.yml']) {
  test(`${name} calls scripts that there are`, (t) => {
    const scripts = [...text(name).matchAll(/npm run ([\w:]+)/g)].map(([, script]) => script ?? '')
    t.deepEqual(
      scripts.filter((script) => !(script in manifest.scripts)),
      [],
    )
    const files = [...text(name).matchAll(/(?:node|bash|sh) ((?:scripts|\.ci)\/[\w./-]+)/g)].map(
      ([, file]) => file ?? '',
    )
    t.true(files.length > 0)
    t.deepEqual(
      files.filter((file) => !existsSync(path.join(root, file))),
      [],
    )
  })

  test(`${name} uses actions at a pinned major version, with the permission to read alone`, (t) => {
    const uses = [...text(name).matchAll(/uses: (\S+)/g)].map(([, action]) => action ?? '')
    t.deepEqual(
      uses.filter((action) => !/^(?:actions\/[\w-]+@v\d+|docker:\/\/[\w/.-]+:\d+\.\d+\.\d+)$/.test(action)),
      [],
    )
    t.regex(text(name), /^permissions:\n {2}contents: read\n(?! )/m)
  })
}

test('a release builds the addon for each platform there is a package for', (t) => {
  const targets = [...text('release.yml').matchAll(/target: ([\w-]+-[\w-]+),/g)].map(([, target]) => target ?? '')
  t.deepEqual(targets.sort(), manifest.napi.targets.toSorted())
})

test('a release is published by one job, which waits for every test and for an approval', (t) => {
  const jobs = text('release.yml').split(/^ {2}(?=[\w-]+:$)/m)
  const job = (name: string): string => jobs.find((part) => part.startsWith(`${name}:`)) ?? ''
  const all = jobs
    .slice(jobs.findIndex((part) => part.startsWith('check:')))
    .map((part) => part.slice(0, part.indexOf(':')))
  const needs = /needs: \[([^\]]+)\]/.exec(job('publish'))?.[1]?.split(', ') ?? []
  t.deepEqual([...needs, 'build', 'pack', 'publish', 'github'].sort(), all.toSorted())
  t.regex(job('publish'), /environment: npm\n/)
  t.regex(job('publish'), /if: github\.ref_type == 'tag' && github\.event_name == 'push'\n/)
  t.deepEqual(
    all.filter((name) => job(name).includes('id-token: write')),
    ['publish'],
  )
  t.deepEqual(
    all.filter((name) => job(name).includes('contents: write')),
    ['github'],
  )
})
