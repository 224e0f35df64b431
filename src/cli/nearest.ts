import { distance } from '../rules'

/** What somebody who wrote `given` may have meant; null when nothing is like it. */
export function nearest(given: string, known: readonly string[]): string | null {
  const near = known.map((name) => ({ name, far: distance(given, name) })).sort((a, b) => a.far - b.far)[0]
  return near !== undefined && near.far <= Math.max(2, given.length / 3) ? near.name : null
}
