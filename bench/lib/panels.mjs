// A small chart for a page: panels of bars one below the other, as wide as a telephone can show, light and dark.

import { figures } from './figures.mjs'
import { bar, escape, rectangle, round, text } from './shapes.mjs'
import { subject } from './targets.mjs'

const width = 480
const label = 104
const value = 92
const row = 26
const heading = 26
const gap = 16

/**
 * Bars are medians with a line from the least to the greatest. Of processor time the part of the JavaScript thread is
 * drawn darker. There is no background: the page's own shows.
 */
export function panelsSvg({ title, note, panels }, byName) {
  const parts = [text(0, 16, title, 'title')]
  if (note) parts.push(text(0, 38, note, 'quiet'))
  let y = note ? 56 : 36
  for (const panel of panels) {
    const { results } = byName.get(panel.scenario)
    parts.push(text(0, y + 14, panel.title, 'quiet'))
    y += heading
    parts.push(...bars(results, panel.figure, y))
    y += Object.keys(results).length * row + gap
  }
  if (panels.some(({ figure }) => figure === 'cpu')) {
    parts.push(rectangle(0, y, 12, 'own'), rectangle(14, y, 12, 'other'))
    parts.push(text(34, y + 13, 'the JavaScript thread', 'quiet'))
    parts.push(rectangle(196, y, 12, 'own rest'), rectangle(210, y, 12, 'other rest'))
    parts.push(text(230, y + 13, 'other threads', 'quiet'))
    y += row + gap
  }
  const height = y - gap + 4
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escape(altText({ title, panels }, byName))}</title>
<style>
  text { font: 14px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 16px }
  .quiet { fill: #57606a }
  .mine { font-weight: 600 }
  .own { fill: #b3541e }
  .other { fill: #7d8590 }
  .own.rest { fill: #e0a07c }
  .other.rest { fill: #c4cad1 }
  .range { stroke: #24292f; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9da7b3 }
    .own { fill: #f0883e }
    .other { fill: #8b949e }
    .own.rest { fill: #8a4a1f }
    .other.rest { fill: #454c56 }
    .range { stroke: #e6edf3 }
  }
</style>
${parts.join('\n')}
</svg>
`
}

/** What a chart shows, for those who do not see it. */
export function altText({ title, panels }, byName) {
  const said = panels.map((panel) => {
    const list = ranked(byName.get(panel.scenario).results, panel.figure).map(
      ([name, result]) => `${name} ${figures[panel.figure].format(result[panel.figure].median)}`,
    )
    return `${panel.title}: ${list.join(', ')}.`
  })
  return `${title}. ${said.join(' ')}`
}

/** Best first. */
function ranked(results, figure) {
  const sign = figures[figure].lower ? 1 : -1
  return Object.entries(results)
    .filter(([, result]) => result[figure])
    .sort(([, one], [, other]) => sign * (one[figure].median - other[figure].median))
}

function bars(results, figure, y) {
  const names = [...ranked(results, figure), ...Object.entries(results).filter(([, result]) => !result[figure])]
  const room = width - label - value
  const most = Math.max(...names.map(([, result]) => result[figure]?.greatest ?? 0))
  const scale = most > 0 ? room / most : 0
  return names.flatMap(([name, result], at) => {
    const line = y + at * row
    const kind = name.startsWith(subject) ? 'own' : 'other'
    const parts = [text(0, line + 13, name, kind === 'own' ? 'mine' : undefined)]
    const whole = result[figure]
    if (!whole) return [...parts, text(label, line + 13, 'no such figure', 'quiet')]
    const part = figure === 'cpu' ? result.javascript : undefined
    const hasRest = figure === 'cpu'
    parts.push(rectangle(label, line, whole.median * scale, hasRest ? `${kind} rest` : kind))
    if (part) parts.push(rectangle(label, line, Math.min(part.median, whole.median) * scale, kind))
    const [from, to] = [whole.least, whole.greatest].map((end) => round(label + end * scale))
    parts.push(`<line class="range" x1="${from}" y1="${line + bar / 2}" x2="${to}" y2="${line + bar / 2}"/>`)
    parts.push(text(to + 7, line + 13, figures[figure].format(whole.median), kind === 'own' ? 'mine' : undefined))
    return parts
  })
}
