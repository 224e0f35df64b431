// The site's settings. Its pages are what scripts/docs/stage.mjs and scripts/docs/reference.mjs put into build/site/pages.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitepress'
import { theme, transformer } from './code.mjs'
import { configure, slugify } from './markdown.mjs'

const built = (name) => fileURLToPath(new URL(`../../build/site/${name}`, import.meta.url))
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))

export default defineConfig({
  title: 'millrace',
  description: 'An HTTP server for Node.js whose sockets, parsing and timers run in Rust',
  lang: 'en',
  srcDir: built('pages'),
  outDir: built('html'),
  cacheDir: built('cache'),
  cleanUrls: true,
  // A page of the reference has a hundred links; a click is soon enough.
  router: { prefetchLinks: false },
  // It would put a style sheet into the page for a moment, which the policy does not allow.
  appearance: { disableTransition: false },
  ignoreDeadLinks: process.env.DRAFT === '1',
  // What differs from page to page is in a file of its own then, and not in a script within each of them.
  metaChunk: true,
  head: [
    ['link', { rel: 'icon', type: 'image/svg+xml', href: '/favicon.svg' }],
    ['meta', { name: 'theme-color', content: '#fdfbf7', media: '(prefers-color-scheme: light)' }],
    ['meta', { name: 'theme-color', content: '#17191c', media: '(prefers-color-scheme: dark)' }],
  ],
  vite: {
    // The index of the search is larger than what is fetched with a page should be.
    build: { chunkSizeWarningLimit: 2000 },
  },
  markdown: {
    anchor: { slugify },
    headers: { slugify },
    toc: { slugify },
    theme,
    codeTransformers: [transformer],
    config: configure,
  },
  themeConfig: {
    logo: { src: '/favicon.svg', width: 28, height: 28, alt: '' },
    nav: [
      { text: 'Guides', link: '/getting-started', activeMatch: '^/(getting-started|guides|cli|runtimes)' },
      { text: 'Reference', link: '/reference/', activeMatch: '^/reference' },
      { text: 'Benchmarks', link: '/benchmarks' },
      { text: version, link: '/changelog', activeMatch: '^/changelog' },
    ],
    sidebar: JSON.parse(readFileSync(built('sidebar.json'), 'utf8')),
    outline: { level: [2, 3], label: 'On this page' },
    search: { provider: 'local', options: { detailedView: false } },
    docFooter: { prev: 'Before', next: 'Next' },
    notFound: { title: 'There is no such page', quote: 'It may have moved. The search finds it, if it is here.' },
    footer: { message: 'millrace is free software under the MIT licence.' },
  },
})
