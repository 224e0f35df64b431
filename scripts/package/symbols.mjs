// Takes the symbols out of an addon, and keeps them where a crash or a profile can be read with them.

import { cpSync, copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail, step } from '../_shared.mjs'
import { addonName } from './platforms.mjs'
import { findObjcopy } from './tools.mjs'

/** Writes the stripped addon to `file`, and its symbols into the folder `symbols`. */
export function splitSymbols(library, platform, file, symbols) {
  rmSync(symbols, { recursive: true, force: true })
  mkdirSync(symbols, { recursive: true })
  split[platform.format](library, file, join(symbols, addonName(platform)))
}

const split = {
  // The build id in both says that they belong together; the link says to debuggers what the other file is called.
  elf(library, file, symbols) {
    const { command, env } = findObjcopy()
    const debug = `${symbols}.debug`
    run(command, ['--only-keep-debug', '--compress-debug-sections=zlib', library, debug], env)
    run(command, ['--strip-all', `--add-gnu-debuglink=${debug}`, library, file], env)
  },

  // Built with `split-debuginfo=packed`, which has rustc call dsymutil; what cargo puts beside the library is a link.
  'mach-o'(library, file, symbols) {
    cpSync(`${library}.dSYM`, `${symbols}.dSYM`, { recursive: true, dereference: true })
    copyFileSync(library, file)
    run('strip', ['-x', '-S', file])
    // On arm64 the system runs signed code only, and stripping has made the linker's signature void.
    run('codesign', ['--force', '--sign', '-', file])
  },

  // The linker has written them apart to begin with.
  pe(library, file, symbols) {
    copyFileSync(library, file)
    const pdb = library.replace(/\.dll$/, '.pdb')
    if (!existsSync(pdb)) fail(`the linker has written no ${pdb}.`)
    copyFileSync(pdb, `${symbols}.pdb`)
  },
}

function run(command, args, env = process.env) {
  if (!step(command, args, { env })) fail(`the symbols could not be taken out of the addon: ${command} failed.`)
}
