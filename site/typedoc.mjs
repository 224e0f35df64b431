// A plugin for TypeDoc: what the types say, put as a reader wants it.

import {
  Comment,
  Converter,
  IntrinsicType,
  ReferenceType,
  ReflectionFlag,
  ReflectionKind,
  ReflectionType,
} from 'typedoc'

/** Options as they are in force have the meaning of those that were given. */
const mirrors = {
  ResolvedOptions: 'ServerOptions',
  ResolvedTlsOptions: 'TlsOptions',
  Compression: 'CompressionOptions',
}

/** Tables of constants: what they are is said once, and a list of their members says the rest. */
const tables = ['ERROR_CODES', 'Status']

export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, listWords)
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children) module.name = module.name === 'index' ? 'millrace' : module.name
    for (const reflection of Object.values(project.reflections)) {
      if (isHidden(reflection)) project.removeReflection(reflection)
      else if (reflection.kindOf(ReflectionKind.Accessor)) toProperty(project, reflection)
    }
    const main = project.children.find(({ name }) => name === 'millrace')
    for (const name of tables) listMembers(project, main.getChildByName([name]))
    nameErrorCodes(project, main)
    for (const [copy, original] of Object.entries(mirrors)) {
      pointTo(main.getChildByName([copy]), main.getChildByName([original]))
    }
  })
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const reflection of Object.values(project.reflections)) {
      if (isUndescribed(reflection)) app.logger.warn(`${reflection.getFriendlyFullName()} is not described`)
    }
  })
}

/** `keyof typeof TABLE` is for those who have the table before them; what it comes to is for all others. */
function listWords(context, reflection) {
  if (!reflection.kindOf(ReflectionKind.TypeAlias)) return
  const symbol = context.getSymbolFromReflection(reflection)
  // A union that is written out is as it should be.
  if (symbol.declarations.some(({ type }) => type?.types !== undefined)) return
  const declared = context.checker.getDeclaredTypeOfSymbol(symbol)
  if (!declared.isUnion() || declared.types.length > 20) return
  if (declared.types.every((type) => type.isStringLiteral())) reflection.comment?.modifierTags.add('@useDeclaredType')
}

// `_write` of a Duplex is for node:stream, the other names of this kind for the package itself.
function isHidden({ name, parent }) {
  return name.startsWith('_') && name !== '__type' && (parent?.kindOf(ReflectionKind.ClassOrInterface) ?? false)
}

/** An accessor is read, and perhaps written, as a property is. */
function toProperty(project, reflection) {
  const { getSignature, setSignature } = reflection
  if (!getSignature) return
  reflection.kind = ReflectionKind.Property
  reflection.type = getSignature.type
  reflection.comment = getSignature.comment
  reflection.flags.setFlag(ReflectionFlag.Readonly, setSignature === undefined)
  delete reflection.getSignature
  delete reflection.setSignature
  project.removeReflection(getSignature)
  if (setSignature) project.removeReflection(setSignature)
}

function listMembers(project, variable) {
  const { type } = variable
  const members = (type instanceof ReflectionType ? type : type.typeArguments[0]).declaration.children
  const rows = members.map(({ name, type }) => `| \`${name}\` | ${type.value} |\n`)
  variable.comment.summary.push({ kind: 'text', text: `\n\n| name | value |\n| --- | --- |\n${rows.join('')}` })
  for (const member of members) project.removeReflection(member)
  variable.type = new IntrinsicType('object')
}

/** The union of all codes is called by its name where it was inherited. */
function nameErrorCodes(project, main) {
  const codes = main.getChildByName(['ErrorCode'])
  for (const reflection of Object.values(project.reflections)) {
    const members = reflection.type?.type === 'union' ? reflection.type.types : []
    if (members.length > 20 && members.every(({ value }) => String(value).startsWith('ERR_'))) {
      reflection.type = ReferenceType.createResolvedReference('ErrorCode', codes, project)
    }
  }
}

function pointTo(copy, original) {
  for (const member of copy.children) {
    const target = original.getChildByName([member.name])
    if (member.comment || !target) continue
    member.comment = new Comment([
      { kind: 'text', text: 'See ' },
      { kind: 'inline-tag', tag: '@link', text: `${original.name}.${member.name}`, target },
      { kind: 'text', text: '.' },
    ])
  }
}

/** Whether somebody who reads the page of a class or of options would find a name there without a word about it. */
function isUndescribed(reflection) {
  const { parent } = reflection
  if (!parent?.kindOf([ReflectionKind.Module, ReflectionKind.ClassOrInterface])) return false
  const { Constructor, FunctionOrMethod, Reference, SomeModule, SomeSignature, TypeParameter } = ReflectionKind
  if (reflection.kindOf([Constructor, Reference, SomeModule, SomeSignature, TypeParameter])) return false
  if (reflection.kindOf(FunctionOrMethod)) return reflection.signatures.some((signature) => !signature.hasComment())
  return !reflection.hasComment()
}
