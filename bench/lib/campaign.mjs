// A scenario from its first round to its statistics.

import { figures, ratio, spread } from './figures.mjs'
import { check, measure } from './measure.mjs'
import { canRun } from './peers.mjs'
import { withLock } from './processes.mjs'
import { disturbance } from './report.mjs'
import { scenarios } from './scenarios.mjs'
import { besideName, subject } from './targets.mjs'

/** How often a run is made again because something else used the machine meanwhile. */
const retries = 2

/**
 * Measures every peer in every round, one after the other (A B C, A B C, …), so that what the machine does to one round
 * it does to all peers. A peer that fails leaves the scenario, and `warn` hears why.
 */
export async function measureScenario(name, scenario, peerNames, settings, { progress, warn }) {
  const taking = rowsOf(scenario, peerNames)
  const rounds = Object.fromEntries(taking.map(({ row }) => [row, []]))
  for (let round = 0; round < settings.rounds; round++) {
    await withLock(settings.lock, async () => {
      for (const { row, peer, played } of taking) {
        if (!rounds[row]) continue
        progress(`${name} ${round + 1}/${settings.rounds} ${row}`)
        try {
          rounds[row].push(await undisturbed(() => measure(peer, played, settings)))
        } catch (error) {
          delete rounds[row]
          warn(`${name}: ${error.message}`)
        }
      }
    })
  }
  return { results: summarize(rounds) }
}

/** Starts each peer once and sees that it answers as it should; nothing is measured. */
export async function checkScenario(name, scenario, peerNames, settings, { progress, warn }) {
  const right = []
  for (const peer of peerNames.filter((one) => canRun(one, scenario))) {
    progress(`${name} ${peer}`)
    try {
      await check(peer, scenario, settings)
      right.push(peer)
    } catch (error) {
      warn(`${name}: ${error.message}`)
    }
  }
  return right
}

/** Who is measured as what: every peer in the scenario, and the subject in the one it is to be compared with. */
export function rowsOf(scenario, peerNames) {
  const rows = peerNames.filter((peer) => canRun(peer, scenario)).map((peer) => ({ row: peer, peer, played: scenario }))
  const { beside } = scenario
  const own = rows.findIndex(({ peer }) => peer === subject)
  // Right behind each other, so that what is compared is close in time, and with the same requests: a client that makes
  // fewer of them, as one that changes the path does, leaves smaller batches, and each request then costs more.
  const played = { ...scenarios[beside], paths: scenario.paths }
  if (beside && own >= 0) rows.splice(own + 1, 0, { row: besideName(beside), peer: subject, played })
  return rows
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
