// The pages of the site in their order: those of docs/, those made of other files of the repository, and the reference.
// `npm run docs` fails when a page is listed that is not there, or is there and not listed.

/** What docs/ has, as groups of the sidebar. */
export const groups = [
  {
    title: 'Start',
    pages: [
      ['getting-started.md', 'Getting started'],
      ['comparison.md', 'Compared'],
      ['cli.md', 'The command'],
      ['runtimes.md', 'Bun and Deno'],
    ],
  },
  {
    title: 'Guides',
    pages: [
      ['guides/routing.md', 'Routing'],
      ['guides/streaming.md', 'Streaming'],
      ['guides/files.md', 'Files'],
      ['guides/websockets.md', 'WebSockets'],
      ['guides/tls.md', 'TLS'],
      ['guides/deployment.md', 'Deployment'],
      ['guides/graceful-shutdown.md', 'Graceful shutdown'],
      ['guides/behind-a-proxy.md', 'Behind a proxy'],
      ['guides/performance.md', 'Performance'],
    ],
  },
  {
    title: 'Examples',
    pages: [
      ['examples/app.md', 'A small application'],
      ['examples/answers.md', 'Every way of answering'],
      ['examples/chat.md', 'A chat'],
    ],
  },
  {
    title: 'Coming from',
    pages: [
      ['coming-from/node-http.md', 'node:http'],
      ['coming-from/fastify.md', 'Fastify'],
      ['coming-from/uwebsockets.md', 'uWebSockets.js'],
      ['coming-from/ws.md', 'ws'],
      ['coming-from.md', 'Other languages'],
    ],
  },
  {
    title: 'Reference',
    pages: [
      ['reference/index.md', 'The interface'],
      ['errors.md', 'Errors'],
      ['defaults.md', 'Defaults'],
      ['compatibility.md', 'Compatibility'],
    ],
  },
  {
    title: 'Project',
    pages: [
      ['architecture.md', 'Architecture'],
      ['benchmarks.md', 'Benchmarks'],
      ['releasing.md', 'Releases'],
      ['contributing.md', 'Contributing'],
      ['security.md', 'Security'],
      ['changelog.md', 'Changelog'],
    ],
  },
]

/** Files outside docs/ that are pages of the site as well. */
export const borrowed = {
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'SECURITY.md': 'security.md',
}

/** What a link to these leads to in the site. */
export const aliases = {
  'README.md': 'index.md',
}

/** Examples that are pages: each file of theirs in the order in which it is read. */
export const examples = [
  {
    page: 'examples/app.md',
    folder: 'examples/app',
    title: 'A small application',
    files: ['app.mjs', 'server.mjs', 'public/index.html', 'public/page.js'],
  },
  {
    page: 'examples/chat.md',
    folder: 'examples/chat',
    title: 'A chat',
    files: ['server.mjs', 'public/index.html', 'public/page.js'],
  },
  {
    page: 'examples/answers.md',
    folder: 'examples/answers',
    title: 'Every way of answering',
  },
]
