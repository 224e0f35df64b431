import { Flag, LARGE_PAYLOAD } from './outbound'
import type { Lane, ServerSink } from './dispatch'
import { MessageFlag, SOCKET_RECORD_OVERHEAD, writePublish } from './socket-records'
import { checkTopic } from './topics'
import { bytesOf, flagsOf, type MessageOptions, type ServerWebSocket, type WebSocketMessage } from './websocket'

/**
 * Hands a message over for all WebSockets of a server that want its topic, but `except`. False when nobody can get it.
 */
export function publish(
  lane: Lane,
  server: ServerSink,
  topic: string,
  message: WebSocketMessage,
  options: MessageOptions | undefined,
  except: ServerWebSocket<unknown> | null,
  isOpen: boolean,
): boolean {
  checkTopic(topic)
  const data = typeof message === 'string' ? message : bytesOf(message)
  let flags = flagsOf(data, options)
  if (!isOpen || server.topics.total === 0) return false
  if (except !== null) flags |= MessageFlag.except
  const connection = except === null ? 0 : except._connection
  const generation = except === null ? 0 : except._generation
  const room = SOCKET_RECORD_OVERHEAD + topic.length * 3
  if (data.length > LARGE_PAYLOAD) {
    const view = typeof data === 'string' ? Buffer.from(data) : data
    const outbox = lane.reserve(room)
    writePublish(outbox, server.id, topic, lane.put(view), flags | Flag.large, connection, generation)
  } else {
    const outbox = lane.reserve(room + data.length * (typeof data === 'string' ? 3 : 1))
    writePublish(outbox, server.id, topic, data, flags, connection, generation)
  }
  lane.written()
  return true
}
