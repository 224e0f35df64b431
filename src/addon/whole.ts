import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/**
 * Throws when the end of an addon is missing, as when a download or a copy was cut off. The loader of Linux maps such a
 * file without a word, and the first access to what is missing ends the process by SIGBUS.
 */
export function checkWhole(file: string): void {
  const lengths = lengthsOf(file)
  if (lengths === null || lengths.there >= lengths.meant) return
  throw new Error(`${file}: truncated, only ${lengths.there} of ${lengths.meant} bytes are there`)
}

/** Null where that cannot be told: who loads the file knows better then what is wrong with it. */
function lengthsOf(file: string): { there: number; meant: number } | null {
  if (process.platform !== 'linux') return null
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    const descriptor = openSync(file, 'r')
    try {
      if (readSync(descriptor, head, 0, HEAD_BYTES, 0) < HEAD_BYTES || !head.subarray(0, 6).equals(ELF)) return null
      return { there: fstatSync(descriptor).size, meant: endOfSections(head) }
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return null
  }
}

// Linkers and `strip` write the table of sections last; one that has none has its offset at 0 (e_shoff, e_shentsize and
// e_shnum of the ELF specification, "ELF Header").
function endOfSections(head: Buffer): number {
  return Number(head.readBigUInt64LE(0x28)) + head.readUInt16LE(0x3a) * head.readUInt16LE(0x3c)
}

const HEAD_BYTES = 64
/** The magic, 64 bits, little-endian: each platform there are addons for. */
const ELF = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1])
