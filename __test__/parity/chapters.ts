import type { Chapter } from './behaviour'
import { answers } from './answers'
import { bodies } from './bodies'
import { connections } from './connections'
import { headers } from './headers'
import { requests } from './requests'

/** The suite, in the order in which a message travels. */
export const CHAPTERS: readonly Chapter[] = [requests, headers, bodies, answers, connections]
