// DER for the campaigns, apart from the code under test: trees that are changed node by node, so that lengths stay right and what is wrong
// is deep inside; what strings hold is taken for DER too where it is.
import fc from 'fast-check'

export interface Node {
  readonly tag: number
  /** Octets in front of the children: the unused bits of a bit string. */
  readonly head: Buffer
  readonly content: Buffer | readonly Node[]
}

/** Tag, length in the fewest octets, content. */
export function tlv(tag: number, content: Uint8Array): Buffer {
  const { length } = content
  const octets = length < 0x80 ? [] : [24, 16, 8, 0].map((shift) => (length >>> shift) & 0xff)
  while (octets[0] === 0) octets.shift()
  return Buffer.concat([Buffer.of(tag, ...(length < 0x80 ? [length] : [0x80 | octets.length, ...octets])), content])
}

export function encode({ tag, head, content }: Node): Buffer {
  return tlv(tag, Buffer.concat([head, ...(Buffer.isBuffer(content) ? [content] : content.map(encode))]))
}

const EMPTY = Buffer.alloc(0)

/** Undefined for what is not one DER value after the other. */
function parse(bytes: Buffer): readonly Node[] | undefined {
  const nodes: Node[] = []
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0
    const first = bytes[at + 1]
    if (first === undefined || (tag & 0x1f) === 0x1f) return undefined
    const octets = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || octets > 3 || at + 2 + octets > bytes.length) return undefined
    const length = octets === 0 ? first : bytes.readUIntBE(at + 2, octets)
    const start = at + 2 + octets
    const end = start + length
    if (end > bytes.length) return undefined
    nodes.push(node(tag, bytes.subarray(start, end)))
    at = end
  }
  return nodes
}

function node(tag: number, content: Buffer): Node {
  const constructed = (tag & 0x20) !== 0
  if (!constructed && tag !== 0x04 && tag !== 0x03) return { tag, head: EMPTY, content }
  const head = tag === 0x03 ? content.subarray(0, 1) : EMPTY
  const inside = content.subarray(head.length)
  // A string of two octets may look like a value by chance; from there on nothing is lost when it does.
  const children = constructed || inside.length > 2 ? parse(inside) : undefined
  return { tag, head, content: children ?? inside }
}

export function tree(bytes: Uint8Array): Node {
  const [only] = parse(Buffer.from(bytes)) ?? []
  if (only === undefined) throw new Error('the seed is not DER')
  return only
}

/** All nodes below, with the indices that lead to them. */
function paths(root: Node, prefix: readonly number[] = []): (readonly number[])[] {
  if (Buffer.isBuffer(root.content)) return [prefix]
  return [prefix, ...root.content.flatMap((child, index) => paths(child, [...prefix, index]))]
}

function at(root: Node, path: readonly number[]): Node {
  return path.reduce<Node>((node, index) => (node.content as readonly Node[])[index] as Node, root)
}

/** The tree with other nodes (none, one, more) in place of the one there. */
function put(root: Node, [first, ...rest]: readonly number[], by: (old: Node) => readonly Node[]): readonly Node[] {
  if (first === undefined) return by(root)
  const children = root.content as readonly Node[]
  return [{ ...root, content: children.flatMap((child, index) => (index === first ? put(child, rest, by) : [child])) }]
}

const leaf = (tag: number, hex: string): Node => ({ tag, head: EMPTY, content: Buffer.from(hex, 'hex') })
/** Values in places where others are due, and values that are none. */
const ODD: readonly Node[] = [
  ...[
    leaf(0x05, ''),
    leaf(0x05, '00'),
    leaf(0x01, '01'),
    leaf(0x01, 'ff'),
    leaf(0x02, ''),
    leaf(0x02, '0001'),
    leaf(0x02, '80'),
    leaf(0x02, 'ff'.repeat(33)),
  ],
  ...[
    leaf(0x02, '7f'.repeat(5000)),
    leaf(0x03, ''),
    leaf(0x03, '08ff'),
    leaf(0x03, '0001'),
    leaf(0x03, '07'),
    leaf(0x04, ''),
    leaf(0x06, ''),
    leaf(0x06, '80'),
    leaf(0x06, '2a8001'),
  ],
  ...[
    leaf(0x06, 'ff'.repeat(70)),
    leaf(0x06, 'ff7f'),
    leaf(0x0a, '05'),
    leaf(0x0c, 'c0af'),
    leaf(0x0c, 'eda080'),
    leaf(0x13, 'e4'),
    leaf(0x1e, 'd800'),
    leaf(0x1e, '41'),
  ],
  ...['', '3030', '0002300000Z', '991332000000Z', '990101000060Z', '99010100000Z', '9901010000+0100'].map((text) =>
    leaf(0x17, Buffer.from(text).toString('hex')),
  ),
  ...['20300101000000.Z', '20300101000000.0Z', '99991231235959Z', '00000101000000Z', '2030010100Z'].map((text) =>
    leaf(0x18, Buffer.from(text).toString('hex')),
  ),
  ...[
    leaf(0x30, ''),
    leaf(0x31, ''),
    leaf(0xa0, ''),
    leaf(0x80, ''),
    leaf(0xa0, '0500'),
    leaf(0x30, '0500'.repeat(70)),
  ],
]

const one = fc.tuple(fc.nat(6), fc.nat(), fc.nat(), fc.nat())
const changes = fc.oneof(fc.tuple(one), fc.array(one, { minLength: 1, maxLength: 4 }))

/** The seeds with nodes dropped, doubled, exchanged, nested, renamed and replaced by nodes of other seeds or by odd ones. */
export function mutatedDer(seeds: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  const trees = seeds.map(tree)
  return fc.tuple(fc.nat(seeds.length - 1), changes).map(([index, list]) => {
    let root = trees[index] as Node
    for (const [kind, where, what, more] of list) root = change(root, kind, where, what, more, trees)
    return encode(root)
  })
}

function change(root: Node, kind: number, where: number, what: number, more: number, trees: readonly Node[]): Node {
  const all = paths(root)
  const path = all[where % all.length] as readonly number[]
  const anywhere = () => {
    const other = trees[more % trees.length] as Node
    const places = paths(other)
    return at(other, places[what % places.length] as readonly number[])
  }
  const [changed] = put(root, path, (old) => {
    switch (kind) {
      case 0:
        return []
      case 1:
        return [old, old]
      case 2:
        return [
          {
            ...old,
            tag: [what & 0xff, old.tag ^ 0x20, old.tag ^ 0x80, 0xa0 | (what % 4), 0x80 | (what % 4)][more % 5] ?? 0,
          },
        ]
      case 3:
        return [anywhere()]
      case 4:
        return [old, anywhere()]
      case 5:
        return [ODD[what % ODD.length] as Node]
      default: {
        const content = Buffer.isBuffer(old.content) ? Buffer.from(old.content) : encode(old)
        if (content.length > 0) content[what % content.length] = more & 0xff
        return [{ ...old, content: Buffer.isBuffer(old.content) ? content : [old, ...old.content.slice(0, 1)] }]
      }
    }
  })
  return changed ?? root
}
