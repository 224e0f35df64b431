// The manifests of what is published: what goes into them, and that all of them agree.

import { addonName, packageName, platforms } from './platforms.mjs'

/**
 * The main package's manifest as it is published: without what is for those who work on it, and with every platform's
 * package as an optional dependency at exactly this version. Committed they would be asked for by `npm ci`, at a version
 * that is not published.
 */
export function mainManifest(manifest) {
  const { scripts, devDependencies, overrides, ava, napi, ...published } = manifest
  const optionalDependencies = Object.fromEntries(
    platforms.map((platform) => [packageName(platform), manifest.version]).sort(),
  )
  return { ...published, optionalDependencies }
}

/** A platform package's manifest as it is published: where it comes from is said once, in the main one. */
export function platformManifest(manifest, { repository, homepage, bugs }, moreFiles = []) {
  const known = Object.entries({ repository, homepage, bugs }).filter(([, value]) => value !== undefined)
  return { ...manifest, ...Object.fromEntries(known), files: [...manifest.files, ...moreFiles] }
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
