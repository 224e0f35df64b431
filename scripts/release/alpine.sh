#!/bin/sh
# Run inside an Alpine image of Node.js, with the repository mounted: the packed packages serve, and all tests of the
# JavaScript side pass on the addon for musl. git and openssl are what some of the tests call.
set -eu
cd "$(dirname "$0")/../.."

apk add --no-cache git openssl
npm ci
node scripts/release/installed.mjs
npm run package -- --no-build --place
npm test -- --js
