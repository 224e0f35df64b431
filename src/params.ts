import { parameterOf, type RequestRecord } from './inbound'

/**
 * The parameters of a route's pattern by name: `Params<'/users/:id/*rest'>` is `{ id: string, rest: string }`. Of a
 * pattern that is not known when the program is compiled, any name may be there or not.
 */
export type Params<Pattern extends string = string> = string extends Pattern
  ? Readonly<Record<string, string | undefined>>
  : { readonly [Name in NamesOf<Pattern>]: string }

type NamesOf<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? NameIn<Segment> | NamesOf<Rest>
  : NameIn<Pattern>

type NameIn<Segment extends string> = Segment extends `*${infer Name}`
  ? Name
  : Segment extends `${string}:${infer After}`
    ? After extends `${Digit}${string}`
      ? NameIn<After>
      : NameAt<After>
    : never

/** The letters, digits and underscores that a text begins with. */
type NameAt<Text extends string, Name extends string = ''> = Text extends `${infer First}${infer Rest}`
  ? Lowercase<First> extends Letter | Digit | '_'
    ? NameAt<Rest, `${Name}${First}`>
    : Name
  : Name

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'
// prettier-ignore
type Letter =
  | 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm'
  | 'n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z'

/** Names and values, without a prototype: `__proto__` is a name like any other. */
export type ParamsObject = Record<string, string>

/** The names of a route's parameters, and what makes objects for their values. */
export interface ParamsShape {
  readonly names: readonly string[]
  /**
   * Takes the values of one or two names; more are set afterwards. Objects of a class of their own cost V8 two thirds of
   * what `Object.create(null)` does, and a loop over the names 20 ns more than this.
   */
  readonly Params: new (first?: string, second?: string) => ParamsObject
}

/** By the names: handlers shared by many routes then see one class, and V8 reads its properties without a look-up. */
const shapes = new Map<string, ParamsShape>()

/** The shape of a pattern that the core has found valid. */
export function shapeOf(pattern: string): ParamsShape {
  const names: string[] = []
  for (const segment of pattern.split('/')) {
    const name = /^\*(\w+)$|:([A-Za-z_]\w*)/.exec(segment)
    if (name !== null) names.push(name[1] ?? name[2]!)
  }
  const key = names.join('/')
  const known = shapes.get(key)
  if (known !== undefined) return known
  const Params = constructorOf(names) as unknown as ParamsShape['Params']
  Object.defineProperty(Params, 'prototype', { value: Object.freeze(Object.create(null)) })
  const shape = { names, Params }
  shapes.set(key, shape)
  return shape
}

/** The parameters as received, for a request of which `isEncoded` says no. */
export function plainParams(record: RequestRecord, { names, Params }: ParamsShape): ParamsObject {
  if (names.length === 1) return new Params(parameterOf(record, 0))
  if (names.length === 2) return new Params(parameterOf(record, 0), parameterOf(record, 1))
  const params = new Params()
  for (let i = 0; i < names.length; i++) params[names[i]!] = parameterOf(record, i)
  return params
}

/** The parameters with percent-encoded UTF-8 decoded; null when one of them is not that. */
export function decodedParams(record: RequestRecord, { names, Params }: ParamsShape): ParamsObject | null {
  const params = new Params()
  try {
    for (let i = 0; i < names.length; i++) params[names[i]!] = decodeURIComponent(parameterOf(record, i))
  } catch {
    return null
  }
  return params
}

/** Different functions, so that what V8 learns about one count of names is not spoilt by the others. */
function constructorOf([first = '', second = '', ...more]: readonly string[]): (...values: string[]) => void {
  if (first === '' || more.length !== 0) return function Params() {}
  if (second === '') {
    return function Params(this: ParamsObject, value) {
      this[first] = value!
    }
  }
  return function Params(this: ParamsObject, value, other) {
    this[first] = value!
    this[second] = other!
  }
}
