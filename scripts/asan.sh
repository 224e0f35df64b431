#!/usr/bin/env bash
# `npm run test:asan`: the Rust tests under the address sanitizer. Needs a nightly toolchain, and a target directory
# of its own because every crate is compiled with other flags. Doctests are left to `npm test`.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo 'the address sanitizer needs a nightly toolchain: rustup toolchain install nightly' >&2
    exit 1
fi
target=$(rustc +nightly -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Zsanitizer=address ${RUSTFLAGS:-}"
export ASAN_OPTIONS="detect_leaks=1:${ASAN_OPTIONS:-}"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/asan"
exec cargo +nightly test --workspace ${CI:+--locked} --lib --tests --target "$target" "$@"
