import { codedRange, codedType, show } from './errors'

/** One option: its kind, what is allowed, its default, and its name in the core where it has one. */
export interface Rule {
  kind: 'integer' | 'boolean' | 'string' | 'choice' | 'function' | 'other'
  initial: unknown
  min?: number
  max?: number
  choices?: readonly string[]
  core?: string
  /** Null stands for the system's way. */
  nullable?: boolean
  /** 0 stands for the system's way. */
  optional?: boolean
}

export type Rules = Readonly<Record<string, Rule>>

/**
 * Checks the options of a group and fills in the defaults. `elsewhere` has the groups in which an unknown name may be
 * meant. Throws ERR_INVALID_OPTION for the first that is wrong.
 */
export function group(
  prefix: string,
  given: unknown,
  rules: Rules,
  elsewhere: Readonly<Record<string, Rules>> = {},
): Record<string, unknown> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const name = prefix === '' ? 'options' : prefix.slice(0, -1)
    throw invalid(name, given, 'an object with named options')
  }
  checkNames(prefix, given, Object.keys(rules), elsewhere)
  const values = given as Record<string, unknown>
  const result: Record<string, unknown> = {}
  for (const [name, rule] of Object.entries(rules)) {
    const value = values[name]
    if (value !== undefined) check(prefix + name, value, rule)
    result[name] = value === undefined ? rule.initial : value
  }
  return result
}

/** Refuses options that nobody knows; they would be passed over in silence. */
export function checkNames(
  prefix: string,
  given: object,
  known: readonly string[],
  elsewhere: Readonly<Record<string, Rules>> = {},
): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw unknown(prefix, name, known, elsewhere)
  }
}

function check(name: string, value: unknown, rule: Rule): void {
  if (value === null && rule.nullable === true) return
  switch (rule.kind) {
    case 'integer': {
      const allowed = range(rule)
      if (typeof value !== 'number') throw invalid(name, value, allowed)
      if ((!Number.isInteger(value) && value !== Infinity) || value < rule.min! || value > rule.max!)
        throw outOfRange(name, value, allowed)
      return
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw invalid(name, value, 'true or false')
      return
    case 'string':
      if (typeof value !== 'string' || value === '' || value.includes('\0')) {
        throw invalid(name, value, 'a text that is not empty')
      }
      return
    case 'choice':
      if (!rule.choices!.includes(value as string)) throw invalid(name, value, rule.choices!.map(show).join(' or '))
      return
    case 'function':
      if (typeof value !== 'function') throw invalid(name, value, 'a function')
      return
    case 'other':
  }
}

function range({ min, max, nullable }: Rule): string {
  const numbers = max === Infinity ? `a whole number from ${min}, or Infinity` : `a whole number from ${min} to ${max}`
  return nullable === true ? `${numbers}, or null` : numbers
}

/**
 * Refuses what is given after the last parameter of a call: whoever gives a host or a callback there, as to other
 * servers, must not find out later that nobody has looked at it.
 */
export function refuseMore(call: string, given: IArguments, count: number, hint: string): void {
  const more = [...given].slice(count).find((argument) => argument !== undefined)
  if (more === undefined) return
  const expected = count === 1 ? 'one argument' : `${count} arguments`
  throw codedType('ERR_INVALID_OPTION', `${call} takes ${expected}, but was given ${show(more)} as well: ${hint}.`)
}

/** The error for a value of the wrong kind. */
export function invalid(name: string, value: unknown, allowed: string): Error {
  return codedType('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${show(value)}.`)
}

function outOfRange(name: string, value: unknown, allowed: string): Error {
  return codedRange('ERR_INVALID_OPTION', `The option ${name} has to be ${allowed}, but it is ${show(value)}.`)
}

function unknown(
  prefix: string,
  name: string,
  known: readonly string[],
  groups: Readonly<Record<string, Rules>>,
): Error {
  const near = known.map((other) => ({ other, distance: distance(name.toLowerCase(), other.toLowerCase()) }))
  near.sort((a, b) => a.distance - b.distance)
  const elsewhere = Object.keys(groups).find((place) => prefix !== `${place}.` && Object.hasOwn(groups[place]!, name))
  const best = near[0]
  let hint = ''
  if (elsewhere !== undefined) hint = ` Did you mean ${elsewhere}.${name}?`
  else if (best !== undefined && best.distance <= Math.max(2, name.length / 3))
    hint = ` Did you mean ${prefix}${best.other}?`
  return codedType('ERR_INVALID_OPTION', `There is no option ${prefix}${name}.${hint} Known are: ${known.join(', ')}.`)
}

/** Levenshtein's distance. */
export function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      current.push(Math.min(change, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[b.length]!
}
