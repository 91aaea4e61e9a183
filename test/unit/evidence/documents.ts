// Random documents for differential tests: every corner that canonical XML has, from a seed that is printed.

/** Numbers in [0, 1) that a seed determines (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let value = Math.imul(state ^ (state >>> 15), state | 1)
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61)
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}

/** A fresh seed, told so that a failure can be repeated: `SAADIK_SEED=… node --test …`. */
export function freshSeed(t: { diagnostic(message: string): void }): number {
  const seed = Number(process.env['SAADIK_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  t.diagnostic(`seed ${seed}`)
  return seed
}

const PREFIXES = ['', 'a', 'b', 'SOAP-ENV', 'id', 'Id', '_x', 'õ', '\u{10400}', '\uFB50']
/** No `&` in them: libxml2 writes it unescaped, which is not even well-formed. */
const URIS = ['urn:one', 'urn:two', 'http://x.example/?a=1', 'urn:three', 'URN:one', 'urn:_']
const LOCALS = ['x', 'Y', 'body', 'z-1', 'ä', '\u{10401}', '\uFB51']
const TEXTS = [
  'plain',
  ' ',
  '\n  ',
  '\r\n',
  'a &amp; b',
  '&lt;tag&gt;',
  ']] &gt;',
  '&#13;&#10;',
  '&#9;tab\ttab',
  '"quotes" \'both\'',
  '🍎 õun',
  'é',
  '<![CDATA[<raw> & "data" ]]>',
  '<![CDATA[]]>',
  '<?pi some data?>',
  '<?empty?>',
  '<?pi  spaced  ?>',
  '&quot;&apos;',
]
const COMMENTS = ['<!---->', '<!-- note -->', '<!-- <a> & "b" \r\n -->']
const VALUES = ['', 'v', ' spaced  out ', 'a\nb\tc', '&#10;&#9;&#13;', '&lt;&amp;&gt;"', "it's", '🍎', 'a&#x20;b']

export interface Generated {
  readonly xml: string
  /** Ids of elements in it. */
  readonly ids: readonly string[]
}

/** A document without DTD, and without comments unless they are asked for. Each element may have an attribute `Id`. */
export function generate(
  next: () => number,
  options: { readonly maxDepth?: number; readonly comments?: boolean } = {},
): Generated {
  const texts = options.comments ? [...TEXTS, ...COMMENTS] : TEXTS
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)] as T
  const ids: string[] = []
  const element = (depth: number, scope: ReadonlyMap<string, string>): string => {
    const inner = new Map(scope)
    const attributes: string[] = []
    for (const prefix of new Set([pick(PREFIXES), pick(PREFIXES), pick(PREFIXES)])) {
      if (next() < 0.6) continue
      const uri = prefix === '' && next() < 0.3 ? '' : pick(URIS)
      inner.set(prefix, uri)
      attributes.push(prefix === '' ? `xmlns='${uri}'` : `xmlns:${prefix}="${uri}"`)
    }
    const bound = [...inner].filter(([, uri]) => uri !== '')
    const [prefix] = next() < 0.7 && bound.length > 0 ? pick(bound) : ['']
    // One attribute for each expanded name.
    const names = new Map<string, string>()
    for (let count = Math.floor(next() * 4); count > 0; count -= 1) {
      const local = pick(LOCALS)
      const prefixed = bound.filter(([name]) => name !== '')
      const [owner, uri] = next() < 0.5 && prefixed.length > 0 ? pick(prefixed) : ['', '']
      names.set(`${uri} ${local}`, owner === '' ? local : `${owner}:${local}`)
    }
    for (const name of names.values()) {
      const value = pick(VALUES)
      attributes.push(value.includes('"') ? `${name}='${value.replaceAll("'", '&apos;')}'` : `${name}="${value}"`)
    }
    for (const name of ['xml:lang', 'xml:space', 'xml:base', 'xml:id'])
      if (next() < 0.1)
        attributes.push(`${name}="${name === 'xml:space' ? 'preserve' : `v${Math.floor(next() * 1e9)}`}"`)
    if (next() < 0.6 || depth === 0) {
      ids.push(`e${ids.length}`)
      attributes.push(`Id="${ids.at(-1)}"`)
    }
    attributes.sort(() => next() - 0.5)
    const name = `${prefix === '' ? '' : `${prefix}:`}${pick(LOCALS)}`
    let content = ''
    for (let count = Math.floor(next() * (depth === 0 ? 6 : 4)); count > 0; count -= 1)
      content += next() < 0.5 && depth < (options.maxDepth ?? 5) ? element(depth + 1, inner) : pick(texts)
    const tag = [name, ...attributes].join(next() < 0.2 ? '\n ' : ' ')
    return content === '' && next() < 0.5 ? `<${tag}/>` : `<${tag}>${content}</${name}${next() < 0.1 ? ' ' : ''}>`
  }
  return { xml: `<?xml version="1.0" encoding="UTF-8"?>\n${element(0, new Map())}\n`, ids }
}
