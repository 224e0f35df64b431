#!/usr/bin/env node
import { commands, run } from './run'

// Whoever reads only the first lines is right to go.
process.stdout.on('error', () => undefined)

// What is written to a pipe may still be on its way: the process ends by itself, not by `exit`.
void run(process.argv.slice(2), commands).then((code) => {
  process.exitCode = code
})
