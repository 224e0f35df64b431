import { codedType, show } from './errors'

/** Longer ones are a mistake: a topic is a name. */
const LONGEST_TOPIC = 4096

/** How often each topic is subscribed to on one server. Who has subscribed is the core's to know. */
export class TopicCounts {
  private readonly counts = new Map<string, number>()
  /** Subscriptions to whatever. */
  total = 0

  add(topic: string): void {
    this.counts.set(topic, this.of(topic) + 1)
    this.total++
  }

  remove(topic: string): void {
    const left = this.of(topic) - 1
    if (left > 0) this.counts.set(topic, left)
    else this.counts.delete(topic)
    this.total--
  }

  of(topic: string): number {
    return this.counts.get(topic) ?? 0
  }
}

/** MQTT 3.1.1 4.7: `+` stands for one level, `#` at the end for any number of them. */
export function checkSubscription(topic: unknown): string {
  const text = checkText(topic)
  if (hasWildcard(text)) {
    const levels = text.split('/')
    const last = levels.length - 1
    if (!levels.every((level, at) => level === '+' || (level === '#' && at === last) || !hasWildcard(level))) {
      throw codedType(
        'ERR_INVALID_ARGUMENT',
        `A topic has + for a whole level and # for a whole last level, as in 'rooms/+/news' and 'rooms/#', but it is ${show(topic)}.`,
      )
    }
  }
  return text
}

/** What is published has one topic. */
export function checkTopic(topic: unknown): string {
  const text = checkText(topic)
  if (hasWildcard(text)) {
    throw codedType('ERR_INVALID_ARGUMENT', `Only subscriptions can have + and # in their topic, ${show(topic)} has.`)
  }
  return text
}

function checkText(topic: unknown): string {
  // MQTT 3.1.1 4.7.3 for U+0000, which the core knows no topic with.
  if (typeof topic === 'string' && topic !== '' && topic.length <= LONGEST_TOPIC && !topic.includes('\0')) return topic
  throw codedType(
    'ERR_INVALID_ARGUMENT',
    `A topic is a text of 1 to ${LONGEST_TOPIC} characters without U+0000, but it is ${typeof topic === 'string' && topic.length > LONGEST_TOPIC ? `one of ${topic.length}` : show(topic)}.`,
  )
}

function hasWildcard(text: string): boolean {
  return text.includes('+') || text.includes('#')
}
