// CPU of the Merkle log and of the sorted map alone: leaves taken into a tree and its tiles, proofs made and judged. No disk, no signer.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import {
  buildMap,
  Frontier,
  formatCheckpoint,
  formatEntryBundle,
  formatLogProof,
  type HashTile,
  inclusionProof,
  judgeLogProof,
  leafHash,
  newBundles,
  newTiles,
  parseLogProof,
  proveKey,
  quorumPolicy,
  TILE_WIDTH,
  tileReader,
  verifierKey,
  verifyMapProof,
} from '#transparency'

const LEAVES = 2 ** 20
/** What a server integrates at once when records come at 15,000 a second and it looks ten times a second. */
const BATCH = 1500
const PROOFS = 5000
const KEYS = 1_000_000

export async function run(): Promise<void> {
  const entries = Array.from({ length: LEAVES }, () => randomBytes(33))
  const levels: Buffer[][] = []
  const frontier = new Frontier()
  let octets = 0
  measure('leaves into the tree, its tiles and its bundles', LEAVES, () => {
    for (let size = 0; size < LEAVES; ) {
      const from = size
      for (const entry of entries.slice(from, from + BATCH))
        frontier.append(leafHash(entry), (level, _index, hash) => {
          if (level % 8 !== 0) return
          levels[level / 8] ??= []
          levels[level / 8]?.push(hash as Buffer)
        })
      size = frontier.size
      frontier.root()
      for (const tile of newTiles(from, size)) octets += tileOctets(levels, tile).length
      for (const { index } of newBundles(from, size))
        octets += formatEntryBundle(entries.slice(index * TILE_WIDTH, Math.min(size, (index + 1) * TILE_WIDTH))).length
    }
  })
  console.log(`  ${(octets / LEAVES).toFixed(0)} octets a leaf to write, a tree of ${LEAVES} in batches of ${BATCH}`)
  await proofs(entries, levels, frontier)
  await maps()
}

async function proofs(entries: readonly Buffer[], levels: readonly Buffer[][], frontier: Frontier): Promise<void> {
  const read = tileReader(LEAVES, (tiles) => tiles.map((tile) => tileOctets(levels, tile)))
  const indexes = Array.from({ length: PROOFS }, (_, at) => (at * 7919) % LEAVES)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = verifierKey('note', 'log.example', publicKey.export({ format: 'raw-public' }))
  const text = formatCheckpoint({ origin: key.name, size: LEAVES, root: frontier.root() })
  const note = {
    text,
    signatures: [{ name: key.name, id: key.id, signature: sign(null, Buffer.from(text), privateKey) }],
  }
  const files: Buffer[] = []
  await measureAsync('inclusion proofs made from tiles, of leaves in order', PROOFS, async () => {
    for (let index = 0; index < PROOFS; index += 1) await inclusionProof(index, LEAVES, read)
  })
  await measureAsync('inclusion proofs made from tiles, of leaves anywhere', PROOFS, async () => {
    for (const index of indexes)
      files.push(formatLogProof({ index, proof: await inclusionProof(index, LEAVES, read), note }))
  })
  const policy = quorumPolicy([{ key }], [], 0)
  measure('proof files read and judged, one signature each', PROOFS, () => {
    for (const [at, file] of files.entries())
      judgeLogProof(parseLogProof(file), leafHash(entries[indexes[at] ?? 0] as Buffer), policy)
  })
}

async function maps(): Promise<void> {
  const runs: Buffer[][] = []
  let head = { count: 0, root: Buffer.alloc(0) as Uint8Array }
  await measureAsync('keys into a sorted map', KEYS, async () => {
    head = await buildMap(sorted(KEYS), (level, bytes) => {
      runs[level] ??= []
      runs[level]?.push(Buffer.from(bytes))
    })
  })
  const kept = runs.map((run) => Buffer.concat(run))
  const read = (level: number, first: number, count: number) => {
    const width = level === 0 ? 64 : 32
    return kept[level]?.subarray(first * width, (first + count) * width) ?? Buffer.alloc(0)
  }
  await measureAsync('presence or absence proved and judged', PROOFS, async () => {
    for (let at = 0; at < PROOFS; at += 1) {
      const [key, value] = [keyOf(at * 97), at % 2 === 0 ? valueAt((at * 97) / 2) : null]
      const proof = await proveKey(key, head.count, read)
      if (value !== null && !verifyMapProof({ root: head.root, key, value, proof })) throw new Error('no proof')
    }
  })
}

/** Even ones are there, odd ones are not. */
function keyOf(place: number): Buffer {
  const key = Buffer.alloc(32, 7)
  key.writeUInt32BE(place)
  return key
}
const valueAt = (place: number) => Buffer.from(`40 octets of a count and a chain head ${place}`)

function* sorted(count: number): Generator<{ key: Buffer; value: Buffer }> {
  for (let place = 0; place < count; place += 1) yield { key: keyOf(2 * place), value: valueAt(place) }
}

function tileOctets(levels: readonly Buffer[][], { level, index, width }: HashTile): Buffer {
  return Buffer.concat(levels[level]?.slice(index * TILE_WIDTH, index * TILE_WIDTH + width) ?? [])
}

function measure(name: string, count: number, work: () => void): void {
  const start = process.cpuUsage()
  work()
  report(name, count, start)
}

async function measureAsync(name: string, count: number, work: () => Promise<void>): Promise<void> {
  const start = process.cpuUsage()
  await work()
  report(name, count, start)
}

function report(name: string, count: number, start: NodeJS.CpuUsage): void {
  const { user, system } = process.cpuUsage(start)
  const micros = (user + system) / count
  console.log(`${name}: ${micros.toFixed(1)} µs each, ${Math.round(1e6 / micros)}/s per core`)
}
