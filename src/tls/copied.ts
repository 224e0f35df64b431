import { codedType, messageOf } from '../errors'

/**
 * Options copied with the lists, objects and bytes in them, so that what the program does with its own changes nothing,
 * and that nothing of its own runs later.
 *
 * @throws ERR_INVALID_OPTION for what cannot be read to its end
 */
export function copied(options: object): Record<string, unknown> {
  const names = reading('tls', () => Object.keys(options))
  return Object.fromEntries(
    names.map((name) => [
      name,
      reading(`tls.${name}`, () => copyOf((options as Record<string, unknown>)[name], DEEPEST)),
    ]),
  )
}

/** Whether options are an object with names, and no list. */
export function isNamed(given: unknown): given is object {
  return typeof given === 'object' && given !== null && !reading('tls', () => Array.isArray(given))
}

/** Parts of a list of keys in a list of certificates are this deep. */
const DEEPEST = 5

function copyOf(value: unknown, deepest: number): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  const isList = Array.isArray(value)
  const prototype: unknown = typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : undefined
  if (!isList && prototype !== null && prototype !== Object.prototype) return value
  if (deepest === 0) throw new Error('it is nested too deeply, or contains itself')
  if (isList) return Array.from(value as unknown[], (inner) => copyOf(inner, deepest - 1))
  return Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, copyOf(inner, deepest - 1)]))
}

/** Reading runs the program's own code where it has getters or proxies. */
function reading<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw codedType('ERR_INVALID_OPTION', `The option ${name} cannot be read: ${messageOf(error)}.`)
  }
}
