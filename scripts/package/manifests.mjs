// The manifests of what is published: what goes into them, and that all of them agree.

import { addonName, packageName, platforms } from './platforms.mjs'

/** What is for those who work on the package, and for nobody who installs it. */
const unpublished = ['scripts', 'devDependencies', 'overrides', 'ava', 'napi']

/**
 * The main package's manifest as it is published: without what is for those who work on it, and with every platform's
 * package as an optional dependency at exactly this version. Committed they would be asked for by `npm ci`, at a version
 * that is not published.
 */
export function mainManifest(manifest, repository) {
  const published = Object.entries(manifest).filter(([key]) => !unpublished.includes(key))
  const optionalDependencies = Object.fromEntries(
    platforms.map((platform) => [packageName(platform), manifest.version]).sort(),
  )
  return { ...Object.fromEntries(published), ...origin(repository), optionalDependencies }
}

/** A platform package's manifest as it is published. */
export function platformManifest(manifest, platform, repository, moreFiles = []) {
  return {
    ...manifest,
    ...origin(repository, `npm/${platform.name}`),
    files: [...manifest.files, ...moreFiles],
  }
}

/**
 * Where the sources are, `https://host/owner/name`: what was asked for, else what the CI that packs says of itself. npm
 * compares it with what the provenance of a package says.
 */
export function repositoryOf(asked, { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: name } = process.env) {
  return asked ?? (server && name ? `${server}/${name}` : undefined)
}

/** What is wrong with a platform package's manifest. */
export function problemsOfPlatformManifest(manifest, platform, version) {
  const wanted = {
    name: packageName(platform),
    version,
    main: addonName(platform),
    files: [addonName(platform)],
    os: [platform.os],
    cpu: [platform.cpu],
    libc: platform.libc && [platform.libc],
  }
  return Object.entries(wanted)
    .filter(([key, value]) => JSON.stringify(manifest[key]) !== JSON.stringify(value))
    .map(([key, value]) => `npm/${platform.name}/package.json: "${key}" must be ${JSON.stringify(value)}`)
}

/** What is wrong with the versions: `places` is a list of where a version is said, and which. */
export function problemsOfVersions(version, places) {
  return places
    .filter(([, found]) => found !== version)
    .map(([place, found]) => `${place} says ${found ?? 'nothing'}, and package.json says version ${version}`)
}

/** The version all crates share, from the workspace's Cargo.toml. */
export function versionOfCrates(cargoToml) {
  return /^\[workspace\.package\]\n(?:(?!\[).*\n)*?version = "([^"]+)"/m.exec(cargoToml)?.[1]
}

/** The versions that Cargo.lock has of this workspace's own crates, by name. */
export function versionsInLock(cargoLock) {
  return [...cargoLock.matchAll(/^name = "(millrace-[\w-]+)"\nversion = "([^"]+)"/gm)].map(([, name, version]) => [
    `Cargo.lock, for ${name},`,
    version,
  ])
}

function origin(repository, directory) {
  if (!repository) return {}
  const url = repository.startsWith('http') ? `git+${repository.replace(/(\.git)?\/?$/, '.git')}` : repository
  return { repository: { type: 'git', url, ...(directory ? { directory } : {}) } }
}
