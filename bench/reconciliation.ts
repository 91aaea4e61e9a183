// Two sides of a comparison in one process, without the exchange between them: a million messages on each, every tenth leaf somebody else's.
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommittedRecord, commitmentOf, Exchanges, encodeRecord, recordEntry, type Terms } from '#evidence'
import { idKey, parseClientId, parseServerId } from '#protocol'
import { TileLog } from '#transparent-log'
import type { MessageLog } from '../security-server/message-log/index.ts'
import { OwnSide } from '../security-server/reconciliation/own-side.ts'
import { pagesOf, Session } from '../security-server/reconciliation/session.ts'
import { WorkFile } from '../security-server/reconciliation/work-file.ts'

const MESSAGES = Number(process.env['SAADIK_MESSAGES'] ?? 1_000_000)
const BATCH = 4096
const [ONE, TWO] = [parseClientId('BENCH/GOV/1/office'), parseClientId('BENCH/GOV/2/registry')]
const TERMS: Terms = { run: 'bench', parties: [ONE, TWO], from: 0, to: 2 * MESSAGES, margin: 0 }

export async function run(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'saadik-bench-'))
  let peak = 0
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 50)
  try {
    const [one, two] = [await sideOf(folder, 'consumer'), await sideOf(folder, 'provider')]
    const before = process.memoryUsage.rss()
    peak = before
    const began = performance.now()
    const [a, b] = [await sessionOf(one, two), await sessionOf(two, one)]
    const listed = performance.now()
    a.bind(b.list)
    b.bind(a.list)
    for (let page = 0; page < pagesOf(MESSAGES); page += 1) {
      await a.takeValues(b.values(page))
      await b.takeValues(a.values(page))
    }
    await Promise.all([a.compare(), b.compare()])
    const compared = performance.now()
    let octets = 0
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      for await (const page of from.leaves()) {
        octets += page.length
        await to.takeLeaves(page)
      }
    a.end()
    b.end()
    const done = performance.now()
    const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1)
    console.log(
      `${MESSAGES} messages on each side, ${a.agreed} agreed: lists ${seconds(began, listed)} s, values ${seconds(listed, compared)} s, leaves ${seconds(compared, done)} s (both sides)`,
    )
    console.log(
      `${(octets / MESSAGES / 2).toFixed(0)} octets of leaves for a message, ${((peak - before) / MESSAGES / 2).toFixed(0)} of memory for one of a side's (peak ${(peak / 2 ** 20).toFixed(0)} MiB)`,
    )
    await Promise.all([one, two].map(({ own }) => own.messages.remove()))
    await Promise.all([one, two].map(({ tree }) => tree.close()))
  } finally {
    clearInterval(sampler)
    await rm(folder, { recursive: true, force: true })
  }
}

interface Side {
  readonly own: OwnSide
  readonly tree: TileLog
  readonly consumer: boolean
}

async function sideOf(folder: string, side: 'consumer' | 'provider'): Promise<Side> {
  const tree = await TileLog.open(join(folder, side), 0)
  const messages = await WorkFile.create(join(folder, `${side}.work`))
  const [mine, other] = side === 'consumer' ? [idKey(ONE), idKey(TWO)] : [idKey(TWO), idKey(ONE)]
  let entries: Uint8Array[] = []
  const indexes = new Float64Array(MESSAGES + 1)
  let leaves = 0
  for (let seq = 1; seq <= MESSAGES; seq += 1) {
    const encoded = encodeRecord(recordOf(seq, side, mine))
    const salt = randomBytes(32)
    await messages.add({ encoded, salt, other })
    entries.push(recordEntry(commitmentOf(salt, encoded)))
    indexes[seq] = leaves
    leaves += 1
    if (seq % 10 === 0) {
      entries.push(randomBytes(33))
      leaves += 1
    }
    if (entries.length < BATCH && seq < MESSAGES) continue
    await tree.append(entries)
    entries = []
  }
  await messages.flush()
  const checkpoint = { size: tree.size, root: tree.root() }
  const view = {
    checkpoint: checkpoint as never,
    records: MESSAGES,
    indexOf: (seq: number) => indexes[seq] ?? 0,
    hashes: tree.hashes.bind(tree),
  }
  return { own: new OwnSide(view, messages, {} as MessageLog), tree, consumer: side === 'consumer' }
}

/** The same message on both sides. */
function recordOf(seq: number, side: 'consumer' | 'provider', member: string): CommittedRecord {
  const digest = createHash('sha512').update(String(seq)).digest()
  return {
    ...{ seq, at: seq, side, member },
    direction: seq % 2 === 0 ? 'response' : 'request',
    queryId: `query-${Math.floor(seq / 2)}`,
    requestId: `00000000-0000-4000-8000-${String(Math.floor(seq / 2)).padStart(12, '0')}`,
    headDigest: digest,
    signatureDigest: digest,
    ...{ chainDigest: null, chainResultDigest: null, bodyDigest: digest, bodySize: 100 },
  }
}

async function sessionOf(side: Side, other: Side): Promise<Session> {
  const { size, root } = other.own.view.checkpoint as never as { size: number; root: Uint8Array }
  const [here, there] = side.consumer ? [ONE, TWO] : [TWO, ONE]
  return await Session.begin({
    ...{ terms: TERMS, secret: Buffer.alloc(64), own: side.own, here, there },
    server: parseServerId('BENCH/GOV/1/s'),
    checkpoint: { size, root, report: {} as never },
    most: MESSAGES,
    exchanges: new Exchanges(10),
    trust: {} as never,
    turn: () => undefined,
    onUnfounded: () => {},
  })
}
