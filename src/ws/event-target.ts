import type { EventEmitter } from 'node:events'
import type { RawData } from './data'
import { wasCleanlyClosed, type WebSocket } from './websocket'

/** What listeners of `addEventListener`, and those of `onmessage` and the others, are given. */
export interface Event<Type extends string = string> {
  /** The name of the event. */
  readonly type: Type
  /** Whose event it is. */
  readonly target: WebSocket
}

/** What listeners of `'message'` are given. */
export interface MessageEvent extends Event<'message'> {
  /** A string for a text message. */
  readonly data: string | RawData
}

/** What listeners of `'close'` are given. */
export interface CloseEvent extends Event<'close'> {
  /** The code of the client's Close frame; 1005 when it had none, 1006 when there was no such frame (RFC 6455 7.1.5). */
  readonly code: number
  /** The reason of that frame; `''` for none. */
  readonly reason: string
  /** Whether both sides have said that they close. */
  readonly wasClean: boolean
}

/** What listeners of `'error'` are given. */
export interface ErrorEvent extends Event<'error'> {
  /** What has happened. */
  readonly error: Error
  /** The message of `error`. */
  readonly message: string
}

export interface EventMap {
  open: Event<'open'>
  message: MessageEvent
  close: CloseEvent
  error: ErrorEvent
}

export type Listener<Type extends keyof EventMap> = (this: WebSocket, event: EventMap[Type]) => unknown

/** Has a listener of events told of what the emitter emits. */
export function addListener<Type extends keyof EventMap>(
  socket: WebSocket,
  type: Type,
  listener: Listener<Type> | { handleEvent: Listener<Type> },
  once: boolean,
  isAttribute: boolean,
): void {
  if (!Object.hasOwn(MAKE, type) || (!isAttribute && find(socket, type, listener) !== undefined)) return
  const wrapper = (...given: unknown[]): void => {
    const event = { type, target: socket, ...MAKE[type](socket, given) } as unknown as EventMap[Type]
    if (typeof listener === 'function') listener.call(socket, event)
    else listener.handleEvent.call(listener as never, event)
  }
  wrappers.set(wrapper, { listener, isAttribute })
  const emitter: EventEmitter = socket as never
  if (once) emitter.once(type, wrapper)
  else emitter.on(type, wrapper)
}

export function removeListener(socket: WebSocket, type: keyof EventMap, listener: unknown): void {
  const wrapper = find(socket, type, listener)
  if (wrapper !== undefined) socket.off(type, wrapper as never)
}

/** The listener that was given to `onmessage`, or another of these. */
export function attribute<Type extends keyof EventMap>(socket: WebSocket, type: Type): Listener<Type> | null {
  const wrapper = find(socket, type, null)
  return wrapper === undefined ? null : (wrappers.get(wrapper)!.listener as Listener<Type>)
}

export function setAttribute<Type extends keyof EventMap>(
  socket: WebSocket,
  type: Type,
  listener: Listener<Type> | null,
): void {
  const former = find(socket, type, null)
  if (former !== undefined) socket.off(type, former as never)
  if (typeof listener === 'function') addListener(socket, type, listener, false, true)
}

const wrappers = new WeakMap<object, { listener: unknown; isAttribute: boolean }>()

/** What calls a listener; null stands for that of the attribute. */
function find(socket: WebSocket, type: keyof EventMap, listener: unknown): (() => void) | undefined {
  return (socket.listeners(type) as Array<() => void>).find((wrapper) => {
    const known = wrappers.get(wrapper)
    if (known === undefined) return false
    return listener === null ? known.isAttribute : !known.isAttribute && known.listener === listener
  })
}

/** What each event has besides its type and target, from what is emitted. */
const MAKE: { [Type in keyof EventMap]: (socket: WebSocket, given: readonly unknown[]) => object } = {
  open: () => ({}),
  message: (_socket, [data, isBinary]) => ({ data: isBinary === true ? data : String(data) }),
  close: (socket, [code, reason]) => ({
    code,
    reason: String(reason),
    wasClean: wasCleanlyClosed.get(socket) === true,
  }),
  error: (_socket, [error]) => ({ error, message: (error as Error).message }),
}
