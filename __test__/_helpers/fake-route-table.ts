import type { NativeFixed, NativeRoute, NativeRouteTable } from '#dist/binding'

/** Stands in for the core's routes: keeps what it is given, and refuses what a test says or what is there already. */
export class FakeRouteTable implements NativeRouteTable {
  publishings = 0
  readonly options: { ignoreTrailingSlash: boolean }
  readonly routes: NativeRoute[] = []
  readonly replaced: Array<{ number: number; fixed: NativeFixed }> = []

  constructor(options: { ignoreTrailingSlash: boolean }) {
    this.options = options
  }

  add(route: NativeRoute): number {
    if (!route.pattern.startsWith('/')) throw new Error(`ERR_ROUTE_INVALID: ${route.pattern}: no slash`)
    const same = this.routes.find(
      ({ methods, pattern }) => pattern === route.pattern && methods[0] === route.methods[0],
    )
    if (same !== undefined) throw new Error(`ERR_ROUTE_CONFLICT: it takes the same paths as ${same.pattern}`)
    return this.routes.push(route) - 1
  }

  publish(): void {
    this.publishings++
  }

  replaceFixed(number: number, fixed: NativeFixed): void {
    this.replaced.push({ number, fixed })
  }
}
