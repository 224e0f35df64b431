// Highlighted code with classes instead of inline styles, which the Content-Security-Policy does not allow and which would
// repeat both colours of every word. What the classes look like is in theme/code.css.

/** Each kind of word has a colour that stands for its class. */
const kinds = {
  comment: ['comment', 'punctuation.definition.comment'],
  string: ['string', 'string.regexp', 'constant.character', 'markup.inline.raw', 'punctuation.definition.string'],
  keyword: [
    'keyword',
    'storage',
    'keyword.operator.new',
    'keyword.operator.expression',
    'entity.name.tag',
    'punctuation.definition.tag',
  ],
  value: ['constant.numeric', 'constant.language', 'constant.other', 'variable.language', 'support.constant'],
  name: [
    'entity.name.function',
    'support.function',
    'entity.name.section',
    'entity.name.command',
    'entity.other.attribute-name',
  ],
  type: [
    'entity.name.type',
    'entity.name.class',
    'support.type',
    'support.class',
    'entity.name.namespace',
    'support.type.property-name.json',
  ],
  quiet: ['keyword.operator', 'punctuation', 'meta.brace'],
}
const names = Object.keys(kinds)
const colorOf = (at) => `#${(at + 1).toString(16).padStart(6, '0')}`

export const theme = {
  name: 'kinds',
  type: 'light',
  colors: { 'editor.background': '#ffffff', 'editor.foreground': '#000000' },
  tokenColors: names.map((name, at) => ({ scope: kinds[name], settings: { foreground: colorOf(at) } })),
}

export const transformer = {
  name: 'kinds',
  pre(node) {
    delete node.properties.style
  },
  span(node) {
    const color = /color:(#\w{6})/.exec(node.properties.style ?? '')?.[1]
    const kind = color === undefined ? undefined : names[Number.parseInt(color.slice(1), 16) - 1]
    delete node.properties.style
    if (kind !== undefined) this.addClassToHast(node, kind)
  },
}
