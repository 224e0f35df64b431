// The documentation, served: files that carry the hash of their content in their name are kept for ever, pages are asked for
// again and mostly not sent again, and all of them go out as they were compressed when they were built.

import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { createServer, fixed, staticFiles } from 'millrace'
import { built } from './places.mjs'

/** Serves what `npm run docs -- --build` has made; gives the server's address and the server. */
export async function serveSite({ host = '127.0.0.1', port = 4000, root = built('html') } = {}) {
  const headers = {
    'content-security-policy': readFileSync(join(root, '..', 'policy.txt'), 'utf8'),
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  }
  const pageOptions = { root, headers: { ...headers, 'cache-control': 'no-cache' }, precompressed: true }

  const server = createServer({ host, port })
  // By the core alone: no JavaScript runs for these.
  server.get(
    '/assets/*path',
    staticFiles(`${root}/assets`, {
      precompressed: true,
      cacheControl: 'public, max-age=31536000, immutable',
      headers: { 'x-content-type-options': 'nosniff' },
    }),
  )
  // A folder's page is at its name with a slash, which relative links on it count on.
  for (const folder of foldersWithPage(root)) {
    server.get(folder, fixed({ status: 308, headers: { location: `${folder}/` } }))
  }
  // Addresses have no `.html`. What leads out of the folder is to the core a file that is not there.
  server.get('/*path', async (request, response) => {
    try {
      await response.sendFile(fileOf(request.path), { ...pageOptions, leaveOpen: true })
    } catch (error) {
      // Its own codes tell of the connection, those of the system of the file.
      if (error.code === undefined || error.code.startsWith('ERR_')) throw error
      response.status = 404
      await response.sendFile('404.html', pageOptions)
    }
  })

  const { url } = await server.listen()
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => server.close({ timeout: 5000 }))
  }
  return { url, server }
}

function fileOf(path) {
  if (path.endsWith('/')) return `${path.slice(1)}index.html`
  return path.includes('.') ? path.slice(1) : `${path.slice(1)}.html`
}

function foldersWithPage(root) {
  const paths = readdirSync(root, { recursive: true }).map((path) => `/${path.replaceAll('\\', '/')}`)
  return paths
    .filter((path) => path.endsWith('/index.html') && path !== '/index.html')
    .map((path) => path.slice(0, -11))
}
