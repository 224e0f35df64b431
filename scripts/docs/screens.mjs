// `npm run docs -- --screens`: a browser looks at the site as millrace serves it, and takes pictures of it into
// build/site/screens. What it checks: nothing that the browser complains about, no page wider than its window, text that
// can be read, nothing that moves once it is shown, search, navigation, the switch of light and dark, the 404, and pages
// without JavaScript.

import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBrowser } from './browser.mjs'
import { built } from './places.mjs'
import { serveSite } from './serve.mjs'
import { faintTexts, outlineFaults, shiftFaults } from './screens-in-page.mjs'

const PAGES = {
  home: '/',
  start: '/getting-started',
  guide: '/guides/websockets',
  errors: '/errors',
  defaults: '/defaults',
  reference: '/reference/',
  class: '/reference/millrace/classes/Server',
  types: '/reference/millrace',
  benchmarks: '/benchmarks',
  architecture: '/architecture',
  example: '/examples/app',
  compared: '/comparison',
  proxy: '/guides/behind-a-proxy',
}

const SIZES = [
  { width: 390, height: 844 },
  { width: 768, height: 1024 },
  { width: 1280, height: 860 },
]

/** Looks; true when nothing was wrong, or there is no browser. */
export async function screens() {
  const browser = await startBrowser()
  if (browser === null) {
    console.log('skipped: a look at the site, which needs Chromium')
    return true
  }
  mkdirSync(built('screens'), { recursive: true })
  const { url, server } = await serveSite({ port: 0 })
  const site = { browser, url, wrong: [] }
  try {
    for (const [name, path] of Object.entries(PAGES)) await look(site, name, path)
    await weighFirstVisit(site)
    for (const step of [search, navigate, missing, withoutScripts, switchToDark]) await tryStep(site, step)
  } finally {
    await browser.close()
    await server.close({ timeout: 1000 })
  }
  for (const problem of site.wrong) console.error(problem)
  console.log(
    `${Object.keys(PAGES).length} pages looked at: ${site.wrong.length === 0 ? 'all well' : `${site.wrong.length} faults`}`,
  )
  return site.wrong.length === 0
}

/** A page in each size, in light and dark. */
async function look({ browser, url, wrong }, name, path) {
  for (const { width, height } of SIZES) {
    for (const dark of [false, true]) {
      const page = await browser.open(url + path, { width, height, dark })
      const title = `${path} at ${width}${dark ? ' in the dark' : ''}`
      const over = await page.run('document.documentElement.scrollWidth - innerWidth')
      if (over > 0) wrong.push(`${title}: ${over} pixels wider than the window`)
      for (const program of [faintTexts, outlineFaults, shiftFaults]) {
        wrong.push(...(await page.run(`(${program})()`)).map((fault) => `${title}: ${fault}`))
      }
      wrong.push(...page.problems.map((problem) => `${title}: ${problem}`))
      wrong.push(...foreign(page, url).map((request) => `${title}: it asks ${request} for something`))
      await page.picture(join(built('screens'), `${name}-${width}${dark ? '-dark' : ''}.png`))
      await page.close()
    }
  }
}

function foreign({ requests }, url) {
  return requests
    .map((request) => request.url)
    .filter((address) => !address.startsWith(url) && !address.startsWith('data:'))
}

async function weighFirstVisit({ browser, url }) {
  for (const path of [PAGES.home, PAGES.guide]) {
    const page = await browser.open(url + path, { fresh: true })
    const bytes = page.requests.reduce((sum, request) => sum + request.bytes, 0)
    console.log(`${path} as the first page: ${page.requests.length} requests, ${Math.round(bytes / 1024)} KiB`)
    await page.close()
  }
}

async function tryStep(site, step) {
  const page = await step(site).catch((error) => {
    site.wrong.push(`${step.name}: ${error.message}`)
  })
  await page?.close()
}

async function search({ browser, url, wrong }) {
  const page = await browser.open(`${url}/`, { width: 1280, height: 860 })
  await page.run(`document.querySelector('.VPNavBarSearch button').click()`)
  await page.until(`document.activeElement?.id === 'localsearch-input'`)
  await page.type('keep-alive')
  await page.until(`document.querySelectorAll('#localsearch-list .result').length > 2`)
  await page.picture(join(built('screens'), 'search-1280.png'))
  await page.press('Enter')
  await page.until(`location.pathname !== '/' && document.querySelector('main h1') !== null`)
  wrong.push(...page.problems.map((problem) => `search: ${problem}`))
  return page
}

async function navigate({ browser, url, wrong }) {
  const page = await browser.open(`${url}/guides/websockets`, { width: 1280, height: 860 })
  await page.run('window.stayed = true')
  for (const [link, title] of [
    ['/guides/tls', 'TLS'],
    ['/errors', 'Errors'],
    ['/reference/', 'Reference'],
  ]) {
    await page.run(`document.querySelector('.VPSidebar a[href="${link}"]').click()`)
    await page.until(`document.querySelector('main h1')?.firstChild.textContent.trim() === '${title}'`)
  }
  if (!(await page.run('window.stayed === true'))) wrong.push('navigation: the page was loaded anew')
  wrong.push(...page.problems.map((problem) => `navigation: ${problem}`))
  await page.press('Tab')
  const seen = `getComputedStyle(document.activeElement).outlineStyle !== 'none'`
  if (!(await page.run(seen))) wrong.push('navigation: it is not to be seen where the keyboard is')
  await page.close()

  // A telephone has the sidebar behind a button.
  const small = await browser.open(`${url}/errors`, { width: 390, height: 844 })
  await small.run(`document.querySelector('.VPLocalNav button.menu').click()`)
  await small.until(`document.querySelector('.VPSidebar.open') !== null`)
  await moved()
  await small.picture(join(built('screens'), 'menu-390.png'))
  return small
}

/** The switch is obeyed by pictures too. */
async function switchToDark({ browser, url, wrong }) {
  const page = await browser.open(`${url}/benchmarks`, { width: 1280, height: 860 })
  await page.run(`document.querySelector('.VPNavBarAppearance button').click()`)
  await page.until(`document.documentElement.classList.contains('dark')`)
  await moved()
  await page.picture(join(built('screens'), 'switched-1280.png'))
  wrong.push(...page.problems.map((problem) => `the switch: ${problem}`))
  return page
}

async function missing({ browser, url, wrong }) {
  const page = await browser.open(`${url}/nowhere`)
  await page.until(`document.querySelector('.NotFound') !== null`)
  await page.picture(join(built('screens'), 'missing-1280.png'))
  wrong.push(...page.problems.filter((problem) => !problem.includes('404')).map((problem) => `the 404: ${problem}`))
  if (!page.problems.some((problem) => problem.includes('404'))) wrong.push('the 404 has another status')
  return page
}

async function withoutScripts({ browser, url, wrong }) {
  const page = await browser.open(`${url}/errors`, { scripts: false, width: 390, height: 844 })
  await page.picture(join(built('screens'), 'without-scripts-390.png'))
  const { text, hidden } = await page.box('main h2')
  if (text === '' || hidden) wrong.push('without JavaScript there is nothing to read')
  return page
}

/** When what slides and fades has come to rest. */
function moved() {
  return sleep(600)
}
