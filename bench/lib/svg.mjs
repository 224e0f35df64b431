// A chart of a measurement: a panel for each scenario, a bar for each peer.

import { figures, titleOf } from './figures.mjs'
import { scenarios } from './scenarios.mjs'
import { bar, rectangle, round, text } from './shapes.mjs'
import { subject } from './targets.mjs'

const width = 980
const column = width / 2
const label = 92
const value = 96
const gap = 6
const titleHeight = 44
const margin = 16

/** Left of each panel the main figure, right the CPU time a request with the part of the JavaScript thread dark. */
export function chartSvg(measured) {
  const panels = []
  let top = margin + 20
  for (const one of measured) {
    const names = Object.keys(one.results)
    panels.push(panel(one, names, top))
    top += titleHeight + names.length * (bar + gap) + margin
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" role="img">
<title>Throughput and CPU time of each server, by scenario</title>
<style>
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 14px }
  .quiet { fill: #57606a }
  .paper { fill: #ffffff }
  .own { fill: #b3541e }
  .other { fill: #8c959f }
  .own.rest { fill: #e0a07c }
  .other.rest { fill: #ced4da }
  .range { stroke: #24292f; stroke-width: 1 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    .paper { fill: #0d1117 }
    .own { fill: #f0883e }
    .other { fill: #9198a1 }
    .own.rest { fill: #8a4a1f }
    .other.rest { fill: #444c56 }
    .range { stroke: #e6edf3 }
  }
</style>
<rect class="paper" width="${width}" height="${top}"/>
${text(margin, margin + 8, 'Bars are medians, thin lines least to greatest. CPU: dark is the JavaScript thread, light the other threads.', 'quiet')}
${panels.join('\n')}
</svg>
`
}

function panel({ title, scenario, results }, names, top) {
  const main = mainFigure(scenario)
  const { unit } = scenarios[scenario]
  const parts = [
    text(margin, top + 14, title, 'title'),
    text(margin, top + 32, heading(main, unit), 'quiet'),
    ...bars(names, margin, top + titleHeight, (name) => [results[name][main], undefined, figures[main].format]),
  ]
  if (names.some((name) => results[name].cpu)) {
    const left = column + margin
    parts.push(text(left, top + 32, heading('cpu', unit), 'quiet'))
    parts.push(
      ...bars(names, left, top + titleHeight, (name) => [
        results[name].cpu,
        results[name].javascript,
        figures.cpu.format,
      ]),
    )
  }
  return parts.join('\n')
}

function mainFigure(scenario) {
  if (scenarios[scenario].idleConnections) return 'memory'
  return scenario === 'latency' ? 'p50' : 'rate'
}

function heading(figure, unit) {
  return `${titleOf(figure, unit)}, ${figures[figure].lower ? 'less' : 'more'} is better`
}

function bars(names, left, top, look) {
  const room = column - margin * 2 - label - value
  const most = Math.max(...names.map((name) => look(name)[0]?.greatest ?? 0))
  const scale = most > 0 ? room / most : 0
  return names.flatMap((name, at) => {
    const [whole, part, format] = look(name)
    const y = top + at * (bar + gap)
    const kind = name === subject ? 'own' : 'other'
    const parts = [text(left, y + 12, name)]
    if (!whole) return [...parts, text(left + label, y + 12, '–', 'quiet')]
    const start = left + label
    parts.push(rectangle(start, y, whole.median * scale, part ? `${kind} rest` : kind))
    if (part) parts.push(rectangle(start, y, Math.min(part.median, whole.median) * scale, kind))
    const middle = y + bar / 2
    const [from, to] = [whole.least, whole.greatest].map((end) => round(start + end * scale))
    parts.push(`<line class="range" x1="${from}" y1="${middle}" x2="${to}" y2="${middle}"/>`)
    parts.push(text(start + whole.greatest * scale + 6, y + 12, format(whole.median)))
    return parts
  })
}
