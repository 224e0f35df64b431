// A registry of packages on this machine, in front of the packed tarballs: so a package manager installs `millrace` as
// it will for a user, and chooses the platform package by itself. It knows these packages and asks nobody else.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { basename } from 'node:path'
import { readTarball } from '../package/tarball.mjs'

// Old enough for managers that take no package of the last days.
const published = '2020-01-01T00:00:00.000Z'

/** Serves these tarballs; `url` ends with a slash. */
export async function startRegistry(tarballs) {
  const files = new Map(tarballs.map((file) => [basename(file), readFileSync(file)]))
  const versions = [...files].map(([name, bytes]) => ({ name, bytes, manifest: manifestIn(bytes) }))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url, 'http://registry').pathname).slice(1)
    const file = files.get(path.split('/-/')[1])
    const found = versions.filter(({ manifest }) => manifest.name === path)
    if (file !== undefined) response.end(file)
    else if (found.length > 0) json(response, 200, packument(found, `http://${request.headers.host}`))
    else json(response, 404, { error: 'Not found' })
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

function packument(found, origin) {
  const { name } = found[0].manifest
  const versions = found.map(({ name: file, bytes, manifest }) => [
    manifest.version,
    { ...manifest, _id: `${name}@${manifest.version}`, dist: dist(`${origin}/${name}/-/${file}`, bytes) },
  ])
  const last = versions.at(-1)[0]
  const time = Object.fromEntries(
    ['created', 'modified', ...versions.map(([version]) => version)].map((key) => [key, published]),
  )
  return { name, 'dist-tags': { latest: last }, versions: Object.fromEntries(versions), time, modified: published }
}

function dist(tarball, bytes) {
  const hash = (name, encoding) => createHash(name).update(bytes).digest(encoding)
  return { tarball, shasum: hash('sha1', 'hex'), integrity: `sha512-${hash('sha512', 'base64')}` }
}

function json(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** The package.json in a tarball. */
export function manifestIn(tarball) {
  return JSON.parse(readTarball(tarball).get('package.json').bytes.toString('utf8'))
}
