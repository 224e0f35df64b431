// What a runner printed about the tests that failed, short enough to stand at the end of a log that may be cut.

const MOST_LINES = 80
const MOST_LINES_OF_ONE = 20

/** A list of what failed and then what is known of each; '' when there is nothing to tell. */
export function summary(failures) {
  if (failures.length === 0) return ''
  const names = failures.flatMap(({ names }) => names.map((name) => `  ${name}`))
  const details = failures.flatMap(({ details }) => details.flatMap((text) => ['', ...text.split('\n')]))
  return shortened(['failed:', ...names, ...details], MOST_LINES).join('\n')
}

/** Of the standard output of `cargo test`. Where the test panicked is said; how it came there is left out. */
export function failuresOfCargo(output) {
  const sections = output.matchAll(/^---- (.+) stdout ----\n([^]*?)(?=^---- .+ stdout ----$|^failures:$)/gm)
  return {
    names: [...output.matchAll(/^test (.+) \.\.\. FAILED$/gm)].map(([, name]) => name),
    details: [...sections].map(([section]) =>
      shortened(
        section
          .replace(/^stack backtrace:\n[^]*/m, '')
          .trim()
          .split('\n'),
        MOST_LINES_OF_ONE,
      ).join('\n'),
    ),
  }
}

/** Of the output of ava: a line for each test at its time, and all about those that failed behind a rule at the end. */
export function failuresOfAva(output) {
  // Behind the last rule are the counts.
  const [, ...blocks] = output.split(/^ {2}─$/m)
  const details = blocks.slice(0, -1).map((block) =>
    block
      // The frames of the runner and of Node.
      .replace(/^ +at .*(?:node_modules|node:internal)\/.*\n/gm, '')
      .replace(/^\s*\n|\s+$/g, '')
      .replace(/\n\n+/g, '\n\n'),
  )
  return { names: [...output.matchAll(/^ {2}[✘✖×] (?:\[fail\]: )?(.+)$/gm)].map(([, name]) => name), details }
}

/** Of a runner that failed without a failed test: the last that it said. */
export function lastWords(name, ...outputs) {
  return { names: [`${name}, without a failed test`], details: outputs.map(endOf).filter((text) => text !== '') }
}

function endOf(output) {
  return output.trimEnd().split('\n').slice(-MOST_LINES_OF_ONE).join('\n')
}

function shortened(lines, most) {
  return lines.length <= most ? lines : [...lines.slice(0, most - 1), `  … ${lines.length - most + 1} more lines above`]
}
