// Where the site is made.

import { join } from 'node:path'
import { root } from '../_shared.mjs'

export const site = join(root, 'site')

/** A place below build/site: `pages` is what VitePress reads, `html` what it writes. */
export function built(name) {
  return join(root, 'build', 'site', name)
}
