// Two parties with logs of their own, as the message logs and transparent logs of their servers would have them, and what a test does to them.
import { randomBytes } from 'node:crypto'
import {
  type CommittedRecord,
  commitmentOf,
  encodeRecord,
  exchangeValue,
  isCompared,
  isFromOther,
  leafPages,
  logOrigin,
  type OpenLeaf,
  recordEntry,
  runKey,
  type StatementHead,
  type Terms,
  ValueCollector,
  writeStatement,
} from '#evidence'
import { type ClientId, collect, idKey, parseClientId, parseServerId, type ServerId } from '#protocol'
import { leafHash } from '#transparency'
import { NaiveTree } from '../../transparency/naive.ts'
import { type NoteSigner, noteSigner, signedBy } from '../../transparency/signers.ts'

export const HOUR = 3_600_000
export const FROM = Date.UTC(2026, 2, 1)
export const TERMS: Terms = {
  run: 'run-1',
  parties: [parseClientId('TEST/GOV/1'), parseClientId('TEST/GOV/2')],
  from: FROM,
  to: FROM + 24 * HOUR,
  margin: HOUR,
}
export const SECRET = Buffer.alloc(32, 7)
export const noTurn = () => undefined

interface Entry {
  /** Undefined for a message with somebody else, or an entry of another kind. */
  readonly record: CommittedRecord | undefined
  readonly salt: Buffer
  readonly encoded: Uint8Array
  readonly leaf: Uint8Array
}

export interface Message {
  readonly requestId?: string
  readonly queryId?: string
  readonly direction?: 'request' | 'response'
  readonly at?: number
  /** What the digests are made of. */
  readonly content?: string
}

let count = 0

/** What `head` and body of a message would be digested to. */
function digests(content: string) {
  const of = (what: string) => Buffer.concat([Buffer.from(`${what} ${content}`), Buffer.alloc(64)]).subarray(0, 64)
  return { headDigest: of('head'), bodyDigest: content === '' ? null : of('body'), bodySize: content === '' ? null : 9 }
}

export class TestLog {
  readonly party: ClientId
  readonly server: ServerId
  readonly signer: NoteSigner
  readonly entries: Entry[] = []
  servers: readonly ServerId[]
  heldFrom = 0

  constructor(party: string, server: string) {
    this.party = parseClientId(party)
    this.server = parseServerId(server)
    this.servers = [this.server]
    this.signer = noteSigner('note', logOrigin(this.server))
  }

  /** Logs a message with the other party. */
  log(side: 'consumer' | 'provider', message: Message = {}): CommittedRecord {
    count += 1
    const { requestId = `request-${count}`, queryId = 'query', direction = 'request', at = FROM + count } = message
    const content = message.content ?? `${requestId} ${direction}`
    const record: CommittedRecord = {
      seq: this.entries.length + 1,
      ...{ at, side, direction, queryId, requestId },
      member: idKey({ ...this.party, subsystemCode: 'sub' }),
      signatureDigest: Buffer.alloc(64, count % 256),
      chainDigest: null,
      chainResultDigest: null,
      ...digests(content),
    }
    this.#add(record, encodeRecord(record))
    return record
  }

  /** Something that the other party is not to see. */
  other(): void {
    this.#add(undefined, randomBytes(40))
  }

  #add(record: CommittedRecord | undefined, encoded: Uint8Array): void {
    const salt = randomBytes(32)
    this.entries.push({ record, salt, encoded, leaf: leafHash(recordEntry(commitmentOf(salt, encoded))) })
  }

  /** The statement, honest unless a test bends a part of it. */
  async statement(bend: Bend = {}): Promise<Buffer> {
    const terms = bend.terms ?? TERMS
    const key = runKey(bend.secret ?? SECRET, terms)
    const tree = new NaiveTree(this.entries.map(({ leaf }) => leaf))
    const size = this.entries.length
    const shown = this.entries
      .map((entry, index) => ({ ...entry, index }))
      .filter(({ record }) => record !== undefined && isCompared(terms, record.at))
      .filter(({ record }) => bend.withhold?.(record as CommittedRecord) !== true)
    const collector = new ValueCollector()
    for (const { record, index } of shown) collector.add(exchangeValue(key, record as CommittedRecord), index)
    for (const value of bend.invented ?? []) collector.add(value, 0)
    const list = await collector.sorted(noTurn)
    const leaves: OpenLeaf[] = shown.map(({ index, salt, record, encoded }) => ({
      index,
      frame: {
        kind: 'shown',
        salt,
        commitment: commitmentOf(salt, encoded),
        record: encoded,
        ...(isFromOther({ record: record as CommittedRecord }) && bend.unsigned !== true
          ? { signed: { signature: Buffer.from('the signature of the other') } }
          : {}),
      },
    }))
    const head: StatementHead = {
      terms,
      party: this.party,
      server: this.server,
      madeAt: FROM + 48 * HOUR,
      checkpoint:
        bend.checkpoint?.(this.signer, tree) ??
        signedBy({ origin: logOrigin(this.server), size, root: tree.root(0, size) }, this.signer),
      list,
      heldFrom: this.heldFrom,
      servers: this.servers,
      ...bend.head,
    }
    const pages = leafPages(each(bend.leaves?.(leaves) ?? leaves), size, tree.reader)
    return Buffer.from(await collect(writeStatement(head, [list.slice(0, list.count)], pages), 1 << 26))
  }
}

export interface Bend {
  readonly terms?: Terms
  readonly secret?: Uint8Array
  readonly withhold?: (record: CommittedRecord) => boolean
  readonly invented?: readonly Uint8Array[]
  readonly unsigned?: boolean
  readonly checkpoint?: (signer: NoteSigner, tree: NaiveTree) => Uint8Array
  readonly head?: Partial<StatementHead>
  readonly leaves?: (leaves: OpenLeaf[]) => OpenLeaf[]
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

export const ours = () => new TestLog('TEST/GOV/1', 'TEST/GOV/1/one')
export const theirs = () => new TestLog('TEST/GOV/2', 'TEST/GOV/2/two')

/** A whole exchange, in both logs. */
export function exchange(consumer: TestLog, provider: TestLog, message: Message = {}): string {
  count += 1
  const requestId = message.requestId ?? `exchange-${count}`
  const one = { at: FROM + count, ...message, requestId }
  consumer.log('consumer', one)
  provider.log('provider', one)
  provider.log('provider', { ...one, direction: 'response' })
  consumer.log('consumer', { ...one, direction: 'response' })
  return requestId
}
