// What the gzip scenario answers: 20 KiB of JSON, made from data anew for each request.

/** As bytes of JSON. */
export const CATALOGUE_BYTES = 20 * 1024

const words =
  `the a of and to with for from steel brass copper valve hinge bolt washer seal thread metric black zinc flat
round short long fits holds carries replaces earlier later model part number series pressure temperature surface finish
delivered within days tested against standard pipe frame door window outdoor indoor spare pack each weight up`.split(
    /\s+/,
  )

// Records of a few fields and a text, as of articles or messages: what is measured is the answer's way through
// compression, so it is not made of numbers, whose conversion would take longer than all the rest.
const articles = Array.from({ length: 20 }, (_, at) => ({
  id: `article-${at}`,
  title: sentence(at * 1000, 6),
  tags: [sentence(at * 77, 1), sentence(at * 91, 1)],
  available: at % 3 !== 0,
  text: sentence(at * 4000, 150),
}))
fill()

/** The text of the answer. */
export function catalogue() {
  return JSON.stringify({ articles })
}

/** Words that no compressor finds in the same order twice. */
function sentence(seed, count) {
  let state = (seed + 1) >>> 0
  const chosen = []
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    chosen.push(words[(state >>> 16) % words.length])
  }
  return chosen.join(' ')
}

/** Brings the text to its size exactly. */
function fill() {
  const last = articles.at(-1)
  for (let at = 0; catalogue().length < CATALOGUE_BYTES; at++) last.text += ` ${sentence(90_000 + at, 1)}`
  last.text = last.text.slice(0, last.text.length + CATALOGUE_BYTES - catalogue().length)
}
