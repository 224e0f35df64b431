import type { ServerAddress } from '../../address'
import type { Settings } from './settings'
import type { Place, Shared } from './site'
import type { Target } from './target'

/** What a thread is started with. */
export interface Task {
  readonly target: Target
  readonly settings: Settings
  readonly shared: Shared
}

export type ToThread =
  { readonly kind: 'listen'; readonly place: Place } | { readonly kind: 'close'; readonly grace: number }

export type FromThread =
  /** The module, or one it imports, is in this file, or should be. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'loaded'; readonly place: Place }
  | { readonly kind: 'listening'; readonly address: ServerAddress }
  /** It is of no use: why, for a person. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'closed' }
