import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import test from 'ava'
import { root } from '../_helpers/releasing'

// `npm run release` on a copy of this repository with a history of its own: what it sets, and what it refuses.

const run = promisify(execFile)
const report = '__test__/types/millrace.api.md'
const parts = ['package.json', 'package-lock.json', '.npmrc', '.prettierrc', 'Cargo.toml', 'Cargo.lock', 'CHANGELOG.md']
parts.push('fuzz/Cargo.lock', 'npm', 'scripts', report)
parts.push('__test__/types/millrace-ws.api.md')
let copy: string

test.before(async () => {
  copy = await mkdtemp(path.join(tmpdir(), 'millrace-release-'))
  for (const part of parts) await cp(path.join(root, part), path.join(copy, part), { recursive: true })
  await symlink(path.join(root, 'node_modules'), path.join(copy, 'node_modules'), 'junction')
  await writeFile(path.join(copy, '.gitignore'), 'node_modules\n')
  await git('init', '--quiet')
  await commit('all of it')
})

test.after.always(() => rm(copy, { recursive: true, force: true }))

test.serial('a release sets the version everywhere, gives the changelog its section, commits and tags', async (t) => {
  await edit('CHANGELOG.md', (text) => text.replace(/## Unreleased\n/, '## Unreleased\n\n### Fixed\n\n- A bug.\n'))
  await commit('fix')
  await release('9.1.0')
  t.is(await git('describe', '--tags'), 'v9.1.0')
  t.is(await git('log', '-1', '--format=%s'), 'chore(release): 9.1.0')
  t.is(await git('status', '--porcelain'), '')
  t.regex(await read('CHANGELOG.md'), /## Unreleased\n\n## 9\.1\.0 - \d{4}-\d\d-\d\d\n/)
  t.regex(await read('fuzz/Cargo.lock'), /name = "millrace-http1"\nversion = "9\.1\.0"/)
  const { stdout } = await run(process.execPath, ['scripts/check-packages.mjs'], { cwd: copy })
  t.is(stdout, 'packages: fit together\n')
})

test.serial('a version that is too low for what changed in the types is refused, and nothing is changed', async (t) => {
  await edit(report, (text) => text.replace('    done: boolean;', '    finished: boolean;'))
  await edit('CHANGELOG.md', (text) => text.replace('## Unreleased\n', '## Unreleased\n\n### Fixed\n\n- A name.\n'))
  await commit('break something')
  t.regex(await refused('9.2.0'), /changed since 9\.1\.0 \(breaking\), so 10\.0\.0 is the lowest version/)
  t.regex(await refused('9.0.0'), /9\.1\.0 is released already, so 9\.0\.0 is too low/)
  t.is(await git('status', '--porcelain'), '')
})

test.serial('what breaks is told of in the changelog, or it is refused', async (t) => {
  t.regex(await refused('10.0.0'), /CHANGELOG\.md has neither under Unreleased/)
  await edit('CHANGELOG.md', (text) => text.replace('### Fixed', '### Changed'))
  await commit('tell of it')
  await release('10.0.0', '--no-git-tag-version')
  t.is(await git('describe', '--tags', '--abbrev=0'), 'v9.1.0')
  t.is(await git('diff', '--cached', '--name-only'), '')
  t.is((JSON.parse(await read('npm/linux-x64-gnu/package.json')) as { version: string }).version, '10.0.0')
})

async function release(...args: string[]): Promise<void> {
  await run('npm', ['run', 'release', '--', ...args], {
    cwd: copy,
    shell: process.platform === 'win32',
    env: environment(),
  })
}

async function refused(version: string): Promise<string> {
  try {
    await release(version)
  } catch (error) {
    return (error as { stderr: string }).stderr
  }
  throw new Error(`${version} was not refused`)
}

async function git(...args: string[]): Promise<string> {
  const identity = ['-c', 'user.name=Tester', '-c', 'user.email=tester@example.com', '-c', 'commit.gpgsign=false']
  return (await run('git', [...identity, ...args], { cwd: copy })).stdout.trim()
}

async function commit(subject: string): Promise<void> {
  await git('add', '--all')
  await git('commit', '--quiet', '--message', subject)
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(path.join(copy, file), change(await read(file)))
}

function read(file: string): Promise<string> {
  return readFile(path.join(copy, file), 'utf8')
}

// npm commits as whoever runs it; what an outer npm has set for its own scripts is none of this one's business.
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name))
  const names = { NAME: 'Tester', EMAIL: 'tester@example.com' }
  const git_ = Object.entries(names).flatMap(([key, value]) => [
    [`GIT_AUTHOR_${key}`, value],
    [`GIT_COMMITTER_${key}`, value],
  ])
  return Object.fromEntries([...own, ...git_])
}
