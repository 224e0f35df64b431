import type { MessagePort } from 'node:worker_threads'

/*
 * What a runtime asks when it looks for modules. In the thread of the modules, or in one of its own: then it comes with a
 * port. What loads modules is left alone: a hook there has Deno take addons for JavaScript.
 */

interface Context {
  readonly parentURL?: string | undefined
}

interface Resolved {
  readonly url: string
}

export type Resolve = <Result extends Resolved | Promise<Resolved>>(
  specifier: string,
  context: Context,
  next: (specifier: string, context: Context) => Result,
) => Result

let tell: (url: string) => void = () => undefined

export function report(told: (url: string) => void): void {
  tell = told
}

export function initialize({ port }: { port: MessagePort }): void {
  tell = (url) => port.postMessage(url)
}

export const resolve: Resolve = (specifier, context, next) => {
  // A file that is missing may come yet.
  if (context.parentURL?.startsWith('file:') === true && /^\.{0,2}\//.test(specifier)) {
    tell(new URL(specifier, context.parentURL).href)
  }
  const result = next(specifier, context)
  if (result instanceof Promise) void result.then(found, () => undefined)
  else found(result)
  return result
}

function found({ url }: Resolved): void {
  tell(url)
}
