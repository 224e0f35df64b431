// The routes of the routed scenario, and what is asked of them.

const resources = 20
const parts = 25

/** 500 patterns with two parameters each, in the syntax all routers here share. */
export const ROUTES = Array.from({ length: resources * parts }, (_, at) => {
  const { resource, part } = names(at)
  return `/api/${resource}/:id/${part}/:item`
})

/** One request a route, each with parameters of its own, in an order in which neighbours share nothing. */
export const ROUTED = Array.from({ length: ROUTES.length }, (_, at) => {
  // 237 and 500 have no common divisor: every route comes once.
  const route = (at * 237) % ROUTES.length
  const { resource, part } = names(route)
  const id = String(10_000 + at * 37)
  const item = `item-${at}`
  return { path: `/api/${resource}/${id}/${part}/${item}`, id, item }
})

/** The answer: both parameters. */
export function routed(id, item) {
  return `${id} ${item}`
}

function names(at) {
  return { resource: `resource-${Math.floor(at / parts)}`, part: `part-${at % parts}` }
}
