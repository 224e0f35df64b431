// Where the version stands beside package.json and its lock file, and how each place is given another.

/** Cargo.toml with this version for all crates of the workspace. */
export function setCrateVersion(cargoToml, version) {
  return replaceOnce(cargoToml, /(?<=^\[workspace\.package\]\n(?:(?!\[).*\n)*?version = ")[^"]+/m, version)
}

/**
 * A Cargo.lock with this version for the workspace's crates. By hand and not by `cargo update`: nothing else may move, and
 * without a network cargo refuses when it has not seen every crate of the lock file before.
 */
export function setLockVersion(cargoLock, from, to) {
  const own = /(?<=^name = "millrace-[\w-]+"\nversion = ")[^"]+/gm
  return cargoLock.replace(own, (version) => (version === from ? to : version))
}

/** A package's manifest with this version. */
export function setPackageVersion(packageJson, version) {
  return replaceOnce(packageJson, /(?<=^ {2}"version": ")[^"]+/m, version)
}

function replaceOnce(text, pattern, version) {
  if (!pattern.test(text)) throw new Error('There is no version to be set.')
  return text.replace(pattern, version)
}
