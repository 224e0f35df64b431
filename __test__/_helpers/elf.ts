// Writes ELF files of 64 bits by hand: as little of one as has a dynamic section, symbols, versions and notes.

export interface ElfParts {
  /** The number of the machine: 0x3e is x86-64, 0xb7 is AArch64. */
  machine?: number
  needed?: string[]
  /** Versions of symbols that are needed, by library. */
  versions?: Record<string, string[]>
  exports?: string[]
  imports?: string[]
  buildId?: string
  debugLink?: string
  /** Names of further sections with nothing in them, and their type; 1 without one. */
  sections?: Record<string, number>
}

/** The bytes of a shared library with these parts. */
export function elf(parts: ElfParts = {}): Buffer {
  const strings = new Strings()
  const needed = (parts.needed ?? []).map((name) => [1, strings.add(name)])
  const exported = (parts.exports ?? []).map((name) => symbol(strings.add(name), 7))
  const imported = (parts.imports ?? []).map((name) => symbol(strings.add(name), 0))
  const libraries = Object.entries(parts.versions ?? {})
  const sections: Section[] = [
    { name: '', type: 0, bytes: Buffer.alloc(0) },
    { name: '.dynamic', type: 6, link: 4, bytes: words([...needed, [0, 0]].flat()) },
    { name: '.dynsym', type: 11, link: 4, bytes: Buffer.concat([symbol(0, 0), ...exported, ...imported]) },
    { name: '.gnu.version_r', type: 0x6ffffffe, link: 4, info: libraries.length, bytes: verneed(libraries, strings) },
    { name: '.dynstr', type: 3, bytes: strings.bytes() },
  ]
  if (parts.buildId) sections.push({ name: '.note.gnu.build-id', type: 7, bytes: note(parts.buildId) })
  if (parts.debugLink)
    sections.push({ name: '.gnu_debuglink', type: 1, bytes: Buffer.from(`${parts.debugLink}\0\0\0\0\0`) })
  for (const [name, type] of Object.entries(parts.sections ?? {})) {
    sections.push({ name, type, bytes: Buffer.alloc(0) })
  }
  return layOut(sections, parts.machine ?? 0x3e)
}

interface Section {
  name: string
  type: number
  link?: number
  info?: number
  bytes: Buffer
}

class Strings {
  #text = '\0'

  add(name: string): number {
    const at = this.#text.length
    this.#text += `${name}\0`
    return at
  }

  bytes(): Buffer {
    return Buffer.from(this.#text, 'latin1')
  }
}

// The header, the sections' bytes, their names, and the table of sections at the end.
function layOut(sections: Section[], machine: number): Buffer {
  const names = new Strings()
  const all = [...sections, { name: '.shstrtab', type: 3, bytes: Buffer.alloc(0) }]
  const nameOffsets = all.map(({ name }) => names.add(name))
  all.at(-1)!.bytes = names.bytes()

  let at = 64
  const offsets = all.map(({ bytes }) => (at += bytes.length) - bytes.length)
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(machine, 18)
  header.writeBigUInt64LE(BigInt(at), 40)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(all.length, 60)
  header.writeUInt16LE(all.length - 1, 62)

  const table = all.map(({ type, link = 0, info = 0, bytes }, index) => {
    const entry = Buffer.alloc(64)
    entry.writeUInt32LE(nameOffsets[index]!, 0)
    entry.writeUInt32LE(type, 4)
    entry.writeBigUInt64LE(BigInt(offsets[index]!), 24)
    entry.writeBigUInt64LE(BigInt(bytes.length), 32)
    entry.writeUInt32LE(link, 40)
    entry.writeUInt32LE(info, 44)
    return entry
  })
  return Buffer.concat([header, ...all.map(({ bytes }) => bytes), ...table])
}

// Global functions; defined in a section, or (0) elsewhere.
function symbol(name: number, section: number): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeUInt32LE(name, 0)
  bytes[4] = name === 0 ? 0 : 0x12
  bytes.writeUInt16LE(section, 6)
  return bytes
}

function verneed(libraries: Array<[string, string[]]>, strings: Strings): Buffer {
  return Buffer.concat(
    libraries.map(([library, versions], index) => {
      const bytes = Buffer.alloc(16 + versions.length * 16)
      bytes.writeUInt16LE(1, 0)
      bytes.writeUInt16LE(versions.length, 2)
      bytes.writeUInt32LE(strings.add(library), 4)
      bytes.writeUInt32LE(16, 8)
      bytes.writeUInt32LE(index === libraries.length - 1 ? 0 : bytes.length, 12)
      for (const [place, version] of versions.entries()) {
        bytes.writeUInt32LE(strings.add(version), 16 + place * 16 + 8)
        bytes.writeUInt32LE(place === versions.length - 1 ? 0 : 16, 16 + place * 16 + 12)
      }
      return bytes
    }),
  )
}

function note(id: string): Buffer {
  const bytes = Buffer.alloc(16 + id.length / 2)
  bytes.writeUInt32LE(4, 0)
  bytes.writeUInt32LE(id.length / 2, 4)
  bytes.writeUInt32LE(3, 8)
  bytes.write('GNU\0', 12, 'latin1')
  bytes.write(id, 16, 'hex')
  return bytes
}

function words(numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 8)
  for (const [index, number] of numbers.entries()) bytes.writeBigUInt64LE(BigInt(number), index * 8)
  return bytes
}
