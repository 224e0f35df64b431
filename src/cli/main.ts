#!/usr/bin/env node
import { commands, run } from './run'

// Whoever reads only the first lines is right to go.
process.stdout.on('error', () => undefined)

process.stderr.on('error', () => undefined)

void run(process.argv.slice(2), commands).then(async (code) => {
  // A module that was served may have left timers or sockets behind. What is written to a pipe may still be on its way.
  await Promise.all([written(process.stdout), written(process.stderr)])
  process.exit(code)
})

function written(stream: NodeJS.WriteStream): Promise<unknown> {
  return new Promise((resolve) => stream.write('', resolve))
}
