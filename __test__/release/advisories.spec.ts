import test from 'ava'
import { type Answers, script } from '../_helpers/releasing'

let answers: Answers

test.before(async () => {
  answers = await script('advisories/answers.mjs')
})

const audit = {
  auditReportVersion: 2,
  vulnerabilities: {
    parser: {
      name: 'parser',
      severity: 'high',
      range: '<2.0.1',
      via: [{ title: 'Reads past the end' }, { title: 'Reads past the end' }, 'tokens'],
      fixAvailable: false,
    },
    tokens: { name: 'tokens', severity: 'moderate', range: '*', via: [{ title: 'Is slow' }], fixAvailable: true },
  },
}

test('findings of npm are a line each, and the serious ones are told from the others', (t) => {
  const { findings = [] } = answers.readAudit(JSON.stringify(audit))
  t.deepEqual(
    findings.map(({ text }) => text),
    [
      'parser <2.0.1: high: Reads past the end; through tokens (there is no fixed version)',
      'tokens *: moderate: Is slow (`npm audit fix` or an update helps)',
    ],
  )
  t.deepEqual(findings.map(answers.isSerious), [true, false])
})

test('no findings are no findings', (t) => {
  t.deepEqual(answers.readAudit('{"auditReportVersion":2,"vulnerabilities":{}}'), { findings: [] })
})

test('a registry without advisories is a reason to skip', (t) => {
  const message = '405 Method Not Allowed - POST https://registry.example/-/npm/v1/security/advisories/bulk'
  const uri = 'https://registry.example/-/npm/v1/security/advisories/bulk'
  t.deepEqual(answers.readAudit(JSON.stringify({ message, method: 'POST', uri, statusCode: 405 })), {
    skipped: message,
  })
})

test('a registry that cannot be reached is a reason to skip', (t) => {
  const error = { code: 'ENOTFOUND', summary: 'getaddrinfo ENOTFOUND registry.example' }
  t.deepEqual(answers.readAudit(JSON.stringify({ error })), { skipped: error.summary })
})

test('what went wrong with npm itself is no reason to skip', (t) => {
  const error = { code: 'ENOLOCK', summary: 'This command requires an existing lockfile.' }
  t.throws(() => answers.readAudit(JSON.stringify({ error })), { message: error.summary })
  t.throws(() => answers.readAudit('Segmentation fault'), { message: /did not answer in JSON/ })
})

test('cargo deny that cannot fetch is told from cargo deny that found something', (t) => {
  const offline =
    '[ERROR] failed to fetch advisory database https://github.com/RustSec/advisory-db\nCloning into …\n' +
    'fatal: unable to access: Could not resolve host: github.com\n'
  t.is(answers.denyCouldNotLook(offline), 'unable to access: Could not resolve host: github.com')
  t.is(answers.denyCouldNotLook('error[vulnerability]: Double free in slab\n'), undefined)
})
