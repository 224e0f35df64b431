import type { NativeRoute } from './binding'
import type { Compression } from './compression'
import { group, invalid, type Rules } from './rules'
import { RULES } from './resolve'

/** What a route has of its own, in the core's names. */
export type RouteLimits = Pick<
  NativeRoute,
  'bodyBytes' | 'handlerTimeout' | 'bodyTimeout' | 'minBodyRate' | 'writeTimeout'
>

/** A route's options checked. What is left out is the server's. */
export function resolveRouteOptions(
  given: unknown,
  compression: Compression | null,
): { native: RouteLimits; compress: boolean } {
  const options = group('', given ?? {}, TOP)
  const limits = group('limits.', options['limits'] ?? {}, LIMITS)
  const timeouts = group('timeouts.', options['timeouts'] ?? {}, TIMEOUTS)
  if (options['compression'] === true && compression === null) {
    throw invalid('compression', true, 'left out while the server has `compression: false` (see also `automatic`)')
  }
  const native: Record<string, unknown> = {}
  for (const [name, value] of Object.entries({ ...limits, ...timeouts })) {
    if (value !== undefined) native[NAMES[name]!] = value
  }
  const compress = (options['compression'] as boolean | undefined) ?? compression?.automatic === true
  return { native, compress }
}

const TOP: Rules = {
  limits: { kind: 'other', initial: undefined },
  timeouts: { kind: 'other', initial: undefined },
  compression: { kind: 'boolean', initial: undefined },
}

/** The same bounds as for a whole server. */
const LIMITS: Rules = { bodyBytes: { ...RULES.limits.bodyBytes, initial: undefined } }
const TIMEOUTS: Rules = {
  handler: { ...RULES.timeouts.handler, initial: undefined },
  body: { ...RULES.timeouts.body, initial: undefined },
  minBodyRate: { ...RULES.timeouts.minBodyRate, initial: undefined },
  write: { ...RULES.timeouts.write, initial: undefined },
}

const NAMES: Readonly<Record<string, keyof RouteLimits>> = {
  bodyBytes: 'bodyBytes',
  handler: 'handlerTimeout',
  body: 'bodyTimeout',
  minBodyRate: 'minBodyRate',
  write: 'writeTimeout',
}
