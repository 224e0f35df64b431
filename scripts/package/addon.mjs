// Reads of an addon what its system's loader would look at first, whatever system it is for.

import { isElf, readElf } from './elf.mjs'

const machOMachines = { 0x01000007: 'x86_64', 0x0100000c: 'aarch64' }
const peMachines = { 0x8664: 'x86_64', 0xaa64: 'aarch64' }

const LC_BUILD_VERSION = 0x32
const LC_VERSION_MIN_MACOSX = 0x24

/** The format and the machine of an addon; of an ELF file and of a DLL more, see `readElf` and below. */
export function readAddon(bytes) {
  if (isElf(bytes)) return readElf(bytes)
  if (bytes.length > 32 && bytes.readUInt32LE(0) === 0xfeedfacf) return readMachO(bytes)
  if (bytes.length > 64 && bytes.toString('latin1', 0, 2) === 'MZ') return readPe(bytes)
  throw new Error('neither an ELF file nor a Mach-O file nor a DLL')
}

/** With the oldest macOS it declares to run on, as `13.0`. */
function readMachO(bytes) {
  const cpu = bytes.readUInt32LE(4)
  let minimum
  let at = 32
  for (let count = bytes.readUInt32LE(16); count > 0; count--) {
    const command = bytes.readUInt32LE(at)
    if (command === LC_BUILD_VERSION) minimum = bytes.readUInt32LE(at + 12)
    if (command === LC_VERSION_MIN_MACOSX) minimum = bytes.readUInt32LE(at + 8)
    at += bytes.readUInt32LE(at + 4)
  }
  return {
    format: 'mach-o',
    machine: machOMachines[cpu] ?? `machine ${cpu}`,
    minimumOs: minimum && `${minimum >> 16}.${(minimum >> 8) & 0xff}`,
  }
}

/** With the names it exports. */
function readPe(bytes) {
  const header = bytes.readUInt32LE(0x3c)
  if (bytes.readUInt32LE(header) !== 0x00004550) throw new Error('not a DLL: it has no PE header')
  const machine = bytes.readUInt16LE(header + 4)
  return { format: 'pe', machine: peMachines[machine] ?? `machine ${machine}`, exports: exportsOfPe(bytes, header) }
}

function exportsOfPe(bytes, header) {
  const optional = header + 24
  if (bytes.readUInt16LE(optional) !== 0x20b) throw new Error('not a DLL of 64 bits')
  const directory = bytes.readUInt32LE(optional + 112)
  if (directory === 0) return []

  const sections = optional + bytes.readUInt16LE(header + 20)
  const count = bytes.readUInt16LE(header + 6)
  const place = (address) => {
    for (let at = sections; at < sections + count * 40; at += 40) {
      const start = bytes.readUInt32LE(at + 12)
      if (address >= start && address < start + bytes.readUInt32LE(at + 16))
        return address - start + bytes.readUInt32LE(at + 20)
    }
    throw new Error('the DLL exports what is in none of its sections')
  }
  const table = place(directory)
  const names = place(bytes.readUInt32LE(table + 32))
  return Array.from({ length: bytes.readUInt32LE(table + 24) }, (_, index) => {
    const at = place(bytes.readUInt32LE(names + index * 4))
    return bytes.toString('latin1', at, bytes.indexOf(0, at))
  }).sort()
}
