// Reads of an ELF file what decides where it loads: for 64 bits, little endian, which is all there is a package for.

const machines = { 0x3e: 'x86_64', 0xb7: 'aarch64' }

// Types of sections, of entries of the dynamic section, and of notes: the names are those of the gABI.
const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const SHT_NOTE = 7
const SHT_DYNAMIC = 6
const SHT_DYNSYM = 11
const SHT_RELR = 19
const SHT_GNU_VERNEED = 0x6ffffffe
const DT_NEEDED = 1
const NT_GNU_BUILD_ID = 3
const SHN_UNDEF = 0

/** Whether these bytes begin as an ELF file does. */
export function isElf(bytes) {
  return bytes.length > 64 && bytes.readUInt32BE(0) === 0x7f454c46
}

/**
 * What it was made for (`machine`), the libraries it needs, the versions of symbols it needs of them, what it exports,
 * whether symbols and debug information are still in it, whether it has relocations in the packed form, its build id, and
 * the file it names for its debug information.
 */
export function readElf(bytes) {
  if (!isElf(bytes)) throw new Error('not an ELF file')
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error('not an ELF file of 64 bits, little endian')
  const sections = readSections(bytes)
  const link = sections.find(({ name }) => name === '.gnu_debuglink')
  return {
    format: 'elf',
    machine: machines[bytes.readUInt16LE(18)] ?? `machine ${bytes.readUInt16LE(18)}`,
    needed: needed(bytes, sections),
    versions: versions(bytes, sections),
    exports: exported(bytes, sections),
    stripped: !sections.some(({ type, name }) => type === SHT_SYMTAB || name.startsWith('.debug_')),
    hasPackedRelocations: sections.some(({ type }) => type === SHT_RELR),
    buildId: buildId(bytes, sections),
    debugLink: link && text(bytes, link.offset),
  }
}

function readSections(bytes) {
  const table = offset(bytes, 40)
  const size = bytes.readUInt16LE(58)
  const count = bytes.readUInt16LE(60)
  const sections = []
  for (let at = table; at < table + count * size; at += size) {
    sections.push({
      nameAt: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      offset: offset(bytes, at + 24),
      size: offset(bytes, at + 32),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
    })
  }
  const names = sections[bytes.readUInt16LE(62)]
  if (names?.type !== SHT_STRTAB) throw new Error('the ELF file has no names for its sections')
  return sections.map((section) => ({ ...section, name: text(bytes, names.offset + section.nameAt) }))
}

function needed(bytes, sections) {
  const libraries = []
  for (const section of sections.filter(({ type }) => type === SHT_DYNAMIC)) {
    const strings = sections[section.link].offset
    for (let at = section.offset; at < section.offset + section.size; at += 16) {
      if (offset(bytes, at) === DT_NEEDED) libraries.push(text(bytes, strings + offset(bytes, at + 8)))
    }
  }
  return libraries
}

// A chain of libraries, each with a chain of the versions that are needed of it.
function versions(bytes, sections) {
  const found = []
  for (const section of sections.filter(({ type }) => type === SHT_GNU_VERNEED)) {
    const strings = sections[section.link].offset
    let at = section.offset
    for (let library = 0; library < section.info; library++) {
      const file = text(bytes, strings + bytes.readUInt32LE(at + 4))
      let auxiliary = at + bytes.readUInt32LE(at + 8)
      for (let count = bytes.readUInt16LE(at + 2); count > 0; count--) {
        found.push({ library: file, version: text(bytes, strings + bytes.readUInt32LE(auxiliary + 8)) })
        auxiliary += bytes.readUInt32LE(auxiliary + 12)
      }
      at += bytes.readUInt32LE(at + 12)
    }
  }
  return found
}

function exported(bytes, sections) {
  const names = []
  for (const section of sections.filter(({ type }) => type === SHT_DYNSYM)) {
    const strings = sections[section.link].offset
    for (let at = section.offset + 24; at < section.offset + section.size; at += 24) {
      const binding = bytes[at + 4] >> 4
      const isDefined = bytes.readUInt16LE(at + 6) !== SHN_UNDEF
      if (isDefined && binding !== 0) names.push(text(bytes, strings + bytes.readUInt32LE(at)))
    }
  }
  return names.sort()
}

function buildId(bytes, sections) {
  for (const { type, offset: at } of sections) {
    if (type !== SHT_NOTE || bytes.readUInt32LE(at + 8) !== NT_GNU_BUILD_ID || text(bytes, at + 12) !== 'GNU') continue
    return bytes.toString('hex', at + 16, at + 16 + bytes.readUInt32LE(at + 4))
  }
  return undefined
}

// Offsets beyond 2^53 are of no file that is read here.
function offset(bytes, at) {
  return Number(bytes.readBigUInt64LE(at))
}

function text(bytes, at) {
  return bytes.toString('latin1', at, bytes.indexOf(0, at))
}
