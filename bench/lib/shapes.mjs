// What the charts are drawn with.

/** How high a bar is. */
export const bar = 16

export function rectangle(x, y, length, kind) {
  return `<rect class="${kind}" x="${round(x)}" y="${y}" width="${round(Math.max(length, 0.5))}" height="${bar}" rx="2"/>`
}

export function text(x, y, content, kind) {
  return `<text x="${round(x)}" y="${round(y)}"${kind ? ` class="${kind}"` : ''}>${escape(content)}</text>`
}

export function escape(content) {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}

export function round(number) {
  return Math.round(number * 10) / 10
}
