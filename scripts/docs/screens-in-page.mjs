// What is asked of a page from within: programs for the browser, sent to it as text.

/** Texts whose contrast with what is behind them is less than WCAG's AA asks for. */
export function faintTexts() {
  const faults = new Set()
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    if (walker.currentNode.textContent.trim() === '' || !element.checkVisibility({ opacityProperty: true })) continue
    if (element.closest('script, style, noscript, svg, .visually-hidden') !== null) continue
    const style = getComputedStyle(element)
    const size = Number.parseFloat(style.fontSize)
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)
    const ratio = contrast(over(parse(style.color), groundOf(element)), groundOf(element))
    if (ratio < (isLarge ? 3 : 4.5)) {
      faults.add(
        `a contrast of ${ratio.toFixed(2)}: "${walker.currentNode.textContent.trim().slice(0, 30)}", ${element.className}`,
      )
    }
  }
  return [...faults].slice(0, 5)

  function groundOf(element) {
    const layers = []
    for (let at = element; at !== null; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor)
      layers.unshift(color)
      if (color[3] === 1) break
    }
    return layers.reduce((below, color) => over(color, below), [255, 255, 255, 1])
  }

  function parse(text) {
    const numbers = text.match(/[\d.]+/g).map(Number)
    const scale = text.startsWith('color(') ? 255 : 1
    return [...numbers.slice(0, 3).map((part) => part * scale), numbers[3] ?? 1]
  }

  function over([red, green, blue, alpha], below) {
    const mixed = [red, green, blue].map((part, at) => part * alpha + below[at] * (1 - alpha))
    return [...mixed, 1]
  }

  function contrast(one, other) {
    const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a)
    return (light + 0.05) / (dark + 0.05)
  }

  function luminance(color) {
    const [red, green, blue] = color.slice(0, 3).map((part) => {
      const share = part / 255
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
}

/** Headings that skip a level, landmarks that are not there, pictures nobody can hear of. */
export function outlineFaults() {
  const faults = []
  const headings = [...document.querySelectorAll('main :is(h1, h2, h3, h4, h5, h6)')].filter((one) =>
    one.checkVisibility(),
  )
  let last = 0
  for (const heading of headings) {
    const level = Number(heading.tagName[1])
    if (level > last + 1) faults.push(`a heading of level ${level} after one of ${last}: ${heading.textContent}`)
    last = level
  }
  for (const landmark of ['header', 'main', 'nav']) {
    if (document.querySelector(landmark) === null) faults.push(`it has no landmark ${landmark}`)
  }
  for (const image of document.querySelectorAll('main img')) {
    if (!image.alt) faults.push(`a picture without a word for it: ${image.src}`)
    if (!image.complete || image.naturalWidth === 0) faults.push(`a picture that is not there: ${image.src}`)
  }
  return faults.slice(0, 5)
}

/** What has moved after it was shown, as browsers count it (Layout Instability); 0.1 is called good. */
export async function shiftFaults() {
  let sum = 0
  const observer = new PerformanceObserver((list) => {
    for (const { value } of list.getEntries()) sum += value
  })
  observer.observe({ type: 'layout-shift', buffered: true })
  await new Promise((resolve) => {
    setTimeout(resolve, 50)
  })
  observer.disconnect()
  return sum > 0.02 ? [`the layout shifts by ${sum.toFixed(3)}`] : []
}
