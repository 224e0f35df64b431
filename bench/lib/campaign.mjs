// A scenario from its first round to its statistics.

import { figures, ratio, spread } from './figures.mjs'
import { measure } from './measure.mjs'
import { canRun } from './peers.mjs'
import { withLock } from './processes.mjs'
import { disturbance } from './report.mjs'
import { subject } from './targets.mjs'

/** How often a run is made again because something else used the machine meanwhile. */
const retries = 2

/**
 * Measures every peer in every round, one after the other (A B C, A B C, …), so that what the machine does to one round
 * it does to all peers. A peer that fails leaves the scenario, and `warn` hears why.
 */
export async function measureScenario(name, scenario, peerNames, settings, { progress, warn }) {
  const taking = peerNames.filter((peer) => canRun(peer, scenario))
  const rounds = Object.fromEntries(taking.map((peer) => [peer, []]))
  for (let round = 0; round < settings.rounds; round++) {
    await withLock(settings.lock, async () => {
      for (const peer of taking) {
        if (!rounds[peer]) continue
        progress(`${name} ${round + 1}/${settings.rounds} ${peer}`)
        try {
          rounds[peer].push(await undisturbed(() => measure(peer, scenario, settings)))
        } catch (error) {
          delete rounds[peer]
          warn(`${name}: ${error.message}`)
        }
      }
    })
  }
  return { results: summarize(rounds) }
}

/** Medians of each figure, and the subject's ratio to each peer. */
export function summarize(rounds) {
  const results = {}
  for (const [peer, runs] of Object.entries(rounds)) {
    const result = { rounds: runs }
    for (const figure of Object.keys(figures)) {
      const over = spread(runs.map((run) => run[figure]))
      if (over) result[figure] = over
    }
    if (peer !== subject && rounds[subject]) result.subjectRatio = ratios(rounds[subject], runs)
    results[peer] = result
  }
  return results
}

function ratios(own, other) {
  const all = {}
  for (const figure of Object.keys(figures)) {
    const over = ratio(own, other, figure)
    if (over) all[figure] = over
  }
  return all
}

async function undisturbed(run) {
  let best
  for (let attempt = 0; attempt <= retries; attempt++) {
    const made = await run()
    if (!best || made.foreign < best.foreign) best = made
    if (!(best.foreign > disturbance)) break
  }
  return best
}
