import type { MessagePort } from 'node:worker_threads'

/*
 * What a runtime asks when it loads modules. In the thread of the modules, or in one of its own: then it comes with a port.
 */

interface Context {
  readonly parentURL?: string | undefined
}
type Next<Result> = (what: string, context?: Context) => Result
export type Resolve = <Result>(specifier: string, context: Context, next: Next<Result>) => Result
export type Load = <Result>(url: string, context: Context, next: Next<Result>) => Result

let tell: (url: string) => void = () => undefined

export function report(told: (url: string) => void): void {
  tell = told
}

export function initialize({ port }: { port: MessagePort }): void {
  tell = (url) => port.postMessage(url)
}

/** A file that is missing may come yet. */
export const resolve: Resolve = (specifier, context, next) => {
  if (context.parentURL?.startsWith('file:') === true && /^\.{0,2}\//.test(specifier)) {
    tell(new URL(specifier, context.parentURL).href)
  }
  return next(specifier, context)
}

export const load: Load = (url, context, next) => {
  tell(url)
  return next(url, context)
}
