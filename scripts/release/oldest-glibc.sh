#!/usr/bin/env bash
# Serves a request on CentOS 7, whose glibc 2.17 is the oldest that the packages are built for. Node.js's own builds ask
# for a newer one since version 18; those of the unofficial-builds project do not. Takes docker and build/packages.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=v20.19.5
name="node-$version-linux-x64-glibc-217"
site="https://unofficial-builds.nodejs.org/download/release/$version"
work=build/oldest-glibc

rm -rf "$work"
node scripts/release/installed.mjs --into "$work"
curl -fsSL --retry 3 --output "$work/$name.tar.gz" "$site/$name.tar.gz"
curl -fsSL --retry 3 "$site/SHASUMS256.txt" | grep " $name.tar.gz\$" | (cd "$work" && sha256sum --check --strict)
tar -xzf "$work/$name.tar.gz" -C "$work"

docker run --rm --network none --volume "$PWD/$work:/app:ro" --workdir /app quay.io/pypa/manylinux2014_x86_64 \
    sh -c "getconf GNU_LIBC_VERSION && ./$name/bin/node serves.mjs"
