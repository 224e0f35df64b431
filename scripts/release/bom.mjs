// What is done to bills of materials: they are of what is published, and the same each time.

import { createHash } from 'node:crypto'

/** The lock file that belongs to the published package: without the tools, with the platforms' packages. */
export function publishedLock({ lockfileVersion, requires, packages }, published) {
  const { name, version, license, dependencies, optionalDependencies } = published
  const kept = Object.entries(packages).filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional)
  const own = Object.entries(optionalDependencies).map(([platform, its]) => [
    `node_modules/${platform}`,
    { version: its, license, optional: true },
  ])
  return {
    name,
    version,
    lockfileVersion,
    requires,
    packages: Object.fromEntries([
      ['', { name, version, license, dependencies, optionalDependencies }],
      ...kept,
      ...own,
    ]),
  }
}

/** The bill with nothing in it that is other each time, or on each machine: number, time, folder. */
export function settle(bill, { when, root }) {
  const text = (typeof bill === 'string' ? bill : JSON.stringify(bill))
    .replaceAll(`path+file://${root}/`, 'path+file:///')
    .replaceAll(/\?download_url=file:\/\/[^"#]*/g, '')
  const settled = { ...JSON.parse(text), serialNumber: undefined }
  settled.metadata = { ...settled.metadata, timestamp: when.toISOString() }
  const { bomFormat, specVersion, ...rest } = settled
  return { bomFormat, specVersion, ...rest, serialNumber: serialNumber(JSON.stringify(settled)) }
}

/** True when a component of this name is in the list and is not left out of what is shipped. */
export function isLinked(components, name) {
  return components.some((component) => component.name === name && component.scope !== 'excluded')
}

// A UUID of version 8 (RFC 9562 5.8): the bits are the content's digest.
function serialNumber(content) {
  const digest = createHash('sha256').update(content).digest()
  digest[6] = (digest[6] & 0x0f) | 0x80
  digest[8] = (digest[8] & 0x3f) | 0x80
  const hex = digest.toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)]
  return `urn:uuid:${parts.join('-')}`
}
