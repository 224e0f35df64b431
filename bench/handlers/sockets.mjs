// What the WebSocket scenarios agree on. A server has an echo at `/` or, to publish, two paths.

/** Sockets at the first are subscribed and told so; a message to the second goes to all of them. */
export const SUBSCRIBE = '/subscribe'
export const PUBLISH = '/publish'
export const TOPIC = 'news'
export const GREETING = 'subscribed'

/** More than any message of the scenarios, for servers that allow less unless told otherwise. */
export const LARGEST_MESSAGE = 64 * 1024

/** So much may wait for a socket that is slow to read: nothing published is to be dropped. */
export const LARGEST_BACKLOG = 1024 * 1024
