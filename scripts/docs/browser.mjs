// A browser without a window, told what to do by its debugging protocol.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { WebSocket } from 'ws'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const OPTIONS = [
  '--headless=new',
  '--no-sandbox',
  '--no-first-run',
  '--no-proxy-server',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--remote-debugging-port=0',
]

/** A browser with a profile of its own, or null when the machine has none. */
export async function startBrowser() {
  const program = PLACES.find((place) => existsSync(place))
  if (program === undefined) return null
  const profile = await mkdtemp(join(tmpdir(), 'millrace-browser-'))
  // A group of its own: a browser is many processes.
  const child = spawn(program, [...OPTIONS, `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  // It must not outlive a script that ends by an error.
  const kill = () => process.kill(-child.pid, 'SIGKILL')
  process.once('exit', kill)
  // Read on to its end: a browser that cannot say what it has to say stops.
  const lines = createInterface(child.stderr)
  const address = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.off('exit', kill)
      reject(new Error(`${program} has ended with ${signal ?? code}`))
    })
    lines.on('line', (line) => {
      const found = /DevTools listening on (ws:\S+)/.exec(line)
      if (found !== null) resolve(found[1])
    })
  })
  const connection = await connect(address)
  return {
    open: (url, look) => openPage(connection, url, look),
    async close() {
      connection.socket.close()
      process.off('exit', kill)
      kill()
      await once(child, 'exit')
      await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function connect(address) {
  const socket = new WebSocket(address, { maxPayload: 64 * 1024 * 1024 })
  await once(socket, 'open')
  const waiting = new Map()
  const listeners = new Map()
  let last = 0
  socket.on('message', (data) => {
    const { id, result, error, method, params, sessionId } = JSON.parse(data)
    if (id === undefined) return listeners.get(sessionId)?.(method, params)
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    return error === undefined ? resolve(result) : reject(new Error(error.message))
  })
  const send = (method, params = {}, sessionId = undefined) => {
    const id = ++last
    socket.send(JSON.stringify({ id, method, params, sessionId }))
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }))
  }
  return { socket, send, listeners }
}

/** A page as a window of that size shows it; `problems` is what the browser has complained about. */
async function openPage(
  connection,
  url,
  { width = 1280, height = 800, dark = false, scripts = true, fresh = false } = {},
) {
  const { targetId } = await connection.send('Target.createTarget', { url: 'about:blank' })
  const { sessionId } = await connection.send('Target.attachToTarget', { targetId, flatten: true })
  const send = (method, params) => connection.send(method, params, sessionId)
  const problems = []
  const requests = []
  connection.listeners.set(sessionId, (method, params) => {
    if (method === 'Log.entryAdded' && params.entry.level !== 'info')
      problems.push(`${params.entry.text} ${params.entry.url ?? ''}`)
    if (method === 'Runtime.exceptionThrown')
      problems.push(params.exceptionDetails.exception?.description ?? 'an exception')
    if (method === 'Runtime.consoleAPICalled' && ['error', 'warning'].includes(params.type)) {
      problems.push(params.args.map(({ value, description }) => value ?? description).join(' '))
    }
    if (method === 'Network.responseReceived')
      requests.push({ id: params.requestId, url: params.response.url, bytes: 0 })
    if (method === 'Network.loadingFinished') {
      const request = requests.find(({ id }) => id === params.requestId)
      if (request !== undefined) request.bytes = params.encodedDataLength
    }
  })
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await send(`${domain}.enable`)
  await send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 600 })
  await send('Emulation.setEmulatedMedia', {
    features: [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }],
  })
  await send('Emulation.setScriptExecutionDisabled', { value: !scripts })
  // Nothing is kept from the pages before.
  await send('Network.setCacheDisabled', { cacheDisabled: fresh })

  const run = async (expression) => {
    const { result, exceptionDetails } = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })
    if (exceptionDetails !== undefined) throw new Error(exceptionDetails.exception?.description ?? expression)
    return result.value
  }
  const until = async (expression, milliseconds = 10_000) => {
    for (const end = Date.now() + milliseconds; Date.now() < end; await sleep(30)) {
      if ((await run(expression)) === true) return
    }
    throw new Error(`it did not come to ${expression}`)
  }
  const go = async (address) => {
    await send('Page.navigate', { url: address })
    await until(`location.href !== 'about:blank' && document.readyState === 'complete'`)
    await sleep(150)
  }
  await go(url)
  return {
    run,
    until,
    go,
    problems,
    requests,
    /** Text and visibility of what a selector finds, also where the page may not run programs. */
    async box(selector) {
      const { root } = await send('DOM.getDocument', {})
      const { nodeId } = await send('DOM.querySelector', { nodeId: root.nodeId, selector })
      const { outerHTML } = await send('DOM.getOuterHTML', { nodeId })
      const model = await send('DOM.getBoxModel', { nodeId }).catch(() => undefined)
      return { text: outerHTML.replaceAll(/<[^>]*>/g, '').trim(), hidden: model === undefined }
    },
    press: (key) => pressKey(send, key),
    type: (text) => send('Input.insertText', { text }),
    /** What the window shows, or the page to its end. */
    async picture(path, { whole = false } = {}) {
      const { data } = await send('Page.captureScreenshot', { captureBeyondViewport: whole })
      await writeFile(path, Buffer.from(data, 'base64'))
    },
    close: () => connection.send('Target.closeTarget', { targetId }),
  }
}

async function pressKey(send, key) {
  const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined
  const codes = { Enter: 13, Tab: 9, Escape: 27, ArrowDown: 40 }
  const event = { key, code: key, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0) }
  await send('Input.dispatchKeyEvent', { type: 'keyDown', ...event, ...(text === undefined ? {} : { text }) })
  await send('Input.dispatchKeyEvent', { type: 'keyUp', ...event })
}
