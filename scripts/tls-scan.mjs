// `npm run tls-scan [-- options]`: has sslscan and testssl.sh look at a server with its defaults, compared with what is
// pinned in __test__/tls/scan-result.json: what they see is as it was, and nothing of it is a weakness above low.
//
//   --fast      sslscan alone: a second instead of a minute and a half
//   --update    pins what came out, unless it is a weakness
//
// Other releases of these tools see other things: then the weaknesses count alone. Exits with 1 when there is one or
// something is not as pinned; with 2 when a tool is missing.

import { parseArgs } from 'node:util'
import { fail, root } from './_shared.mjs'
import { differences, readPinned, weaknesses, writePinned } from './tls-scan/result.mjs'
import { startServer } from './tls-scan/server.mjs'
import { MissingTool, findTools, runSslscan, runTestssl } from './tls-scan/tools.mjs'

const options = readOptions()
const tools = findToolsOrLeave()
await import('./ensure-built.mjs')
const server = await startServer(root)
const results = {}
for (const tool of tools) {
  const began = Date.now()
  const findings = await (tool.name === 'sslscan' ? runSslscan(tool, server) : runTestssl(tool, server))
  results[tool.name] = { version: tool.version, findings }
  console.log(
    `${tool.name} ${tool.version}: ${findings.length} findings in ${Math.round((Date.now() - began) / 1000)} s`,
  )
}
await server.close()

const found = weaknesses(results)
for (const { tool, id, severity, text } of found) console.log(`\n${tool}: ${severity}: ${id}: ${text}`)
if (found.length > 0) fail(`${found.length} weaknesses above low. What the tools said is below target/tls-scan.`)
if (options.update) update()
else compare()

function readOptions() {
  const flag = { type: 'boolean' }
  try {
    return parseArgs({ options: { fast: flag, update: flag } }).values
  } catch (error) {
    return fail(error.message)
  }
}

function findToolsOrLeave() {
  try {
    return findTools(options.fast ? ['sslscan'] : ['sslscan', 'testssl'])
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    console.error(`\nmillrace: ${error.message}\n`)
    return process.exit(2)
  }
}

function update() {
  writePinned(results)
  console.log('\npinned')
}

function compare() {
  const pinned = readPinned()
  let count = 0
  for (const [name, result] of Object.entries(results)) {
    if (pinned[name]?.version !== result.version) {
      console.log(
        `\n${name}: what is pinned is of ${pinned[name]?.version ?? 'no release'}, so its weaknesses counted alone`,
      )
      continue
    }
    const lines = differences(pinned[name].findings, result.findings)
    for (const line of lines) console.log(`\n${name}: ${line}`)
    count += lines.length
  }
  if (count > 0) fail(`${count} findings are not as pinned. If they are to be, \`npm run tls-scan -- --update\`.`)
  console.log('\nno weakness, and all as pinned')
}
