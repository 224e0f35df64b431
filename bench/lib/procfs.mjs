// What /proc knows about a process: CPU time of it and of its threads, and memory.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs'

/**
 * Nanoseconds on a CPU so far, by thread id: the first field of schedstat, which does not count in ticks of 10 ms.
 * With the process's children, for a server that has a worker.
 */
export function threadTimes(pid) {
  const times = new Map()
  for (const process of family(pid)) {
    for (const thread of readdirSync(`/proc/${process}/task`)) {
      try {
        const schedstat = readFileSync(`/proc/${process}/task/${thread}/schedstat`, 'utf8')
        times.set(Number(thread), Number(schedstat.split(' ', 1)[0]))
      } catch {
        // A thread that ended between the two reads.
      }
    }
  }
  return times
}

/** Nanoseconds all threads spent between two readings, and those of the main thread, which runs the JavaScript. */
export function timeBetween(before, after, pid) {
  let total = 0
  for (const [thread, time] of after) total += time - (before.get(thread) ?? 0)
  return { total, main: after.get(pid) - before.get(pid) }
}

/** Resident memory in KiB, of the children as well. */
export function residentKiB(pid) {
  let total = 0
  for (const process of family(pid)) total += statusKiB(process, 'VmRSS')
  return total
}

/** The most resident memory in KiB a process had since it started, or since it was told to forget. */
export function peakKiB(pid) {
  return statusKiB(pid, 'VmHWM')
}

export function forgetPeak(pid) {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Seconds all cores together have been at work so far, in ticks of 10 ms: everything but idle and waiting. */
export function machineBusySeconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) / 100
}

/** Seconds of CPU of a child that has ended are gone with it; these are those of all children waited for by `pid`. */
export function childrenSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

function family(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  return [pid, ...children.map(Number)]
}

function statusKiB(pid, field) {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1])
}
