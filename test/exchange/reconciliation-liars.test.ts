// Comparisons with who lies: about its checkpoint, its list, its leaves, our signature; and with who asks for what is none of his business.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  commitmentOf,
  exchangeValue,
  leafPages,
  logOrigin,
  type OpenLeaf,
  runKey,
  type Terms,
  ValueCollector,
} from '#evidence'
import { decodeClientId, parseServerId } from '#protocol'
import { EMPTY_ROOT, formatVerifierKey } from '#transparency'
import { compared, ended, kindsOf } from '../federation/comparing.ts'
import { type Asked, json, type Said, saying } from '../federation/lying-peer.ts'
import { CLIENT, type Pair, startPair } from '../federation/pair.ts'
import { honest, type Rogue, requestHead, startRogue, transport } from '../federation/rogue.ts'
import { until } from '../federation/traces.ts'
import { TestLog } from '../unit/evidence/reconciliation/parties.ts'
import { NaiveTree } from '../unit/transparency/naive.ts'
import { type NoteSigner, noteSigner, signedBy } from '../unit/transparency/signers.ts'

const ROGUE = 'TEST/GOV/6666'

let pair: Pair
let rogue: Rogue
before(async () => {
  pair = await startPair({ consumerConfig: { reconciliation: { maxMessages: 1000 } } })
  rogue = await startRogue(pair.state)
})
after(async () => {
  await rogue?.stop()
  await pair?.stop()
})

interface Begin {
  readonly run: string
  readonly from: number
  readonly to: number
  readonly margin: number
  readonly as: string
  readonly with: string
  readonly nonce: string
}

interface Lies {
  readonly log?: TestLog
  /** Of the log as it is; what is said at each step instead. */
  readonly runs?: (honest: { nonce: string; checkpoint: string; heldFrom: number }) => Said
  readonly list?: (honest: { count: number; root: string }) => Said
  readonly values?: (honest: Buffer) => Buffer
  readonly leaves?: (honest: Buffer) => Buffer
  readonly open?: (leaves: OpenLeaf[]) => OpenLeaf[]
  readonly invented?: readonly Uint8Array[]
  readonly secret?: Uint8Array
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** A peer that compares its log as it should, but for what is bent. */
function peer(lies: Lies): (asked: Asked) => Promise<Said> {
  const log = lies.log ?? new TestLog(ROGUE, `${ROGUE}/R`)
  const tree = new NaiveTree(log.entries.map(({ leaf }) => leaf))
  const size = log.entries.length
  const nonce = Buffer.alloc(32, 1)
  let terms: Terms | undefined
  let key: Uint8Array = new Uint8Array(0)
  let values: Buffer = Buffer.alloc(0)
  let pages = Buffer.alloc(0)
  const prepare = async (begin: Begin): Promise<{ count: number; root: string }> => {
    const { run, from, to, margin } = begin
    terms = { run, from, to, margin, parties: [decodeClientId(begin.as), decodeClientId(begin.with)] }
    key = runKey(lies.secret ?? Buffer.concat([Buffer.from(begin.nonce, 'base64'), nonce]), terms)
    const collector = new ValueCollector()
    const open: OpenLeaf[] = []
    for (const [index, { record, salt, encoded }] of log.entries.entries()) {
      if (record === undefined) continue
      collector.add(exchangeValue(key, record), index)
      open.push({ index, frame: { kind: 'shown', salt, commitment: commitmentOf(salt, encoded), record: encoded } })
    }
    for (const value of lies.invented ?? []) collector.add(value, 0)
    const list = await collector.sorted(() => undefined)
    values = list.slice(0, list.count)
    const chunks: Uint8Array[] = []
    for await (const page of leafPages(each(lies.open?.(open) ?? open), size, tree.reader)) chunks.push(page)
    pages = Buffer.concat(chunks)
    return { count: list.count, root: base64(list.root) }
  }
  let list: { count: number; root: string } | undefined
  return async ({ step, body }) => {
    switch (step) {
      case 'runs': {
        list = await prepare(JSON.parse(body.toString()) as Begin)
        const checkpoint = signedBy({ origin: logOrigin(log.server), size, root: tree.root(0, size) }, log.signer)
        const said = { nonce: base64(nonce), checkpoint: base64(checkpoint), heldFrom: 0 }
        return lies.runs?.(said) ?? json(said)
      }
      case 'list':
        return lies.list?.(list as never) ?? json(list as never)
      case 'values':
        return octets(lies.values?.(values) ?? values)
      case 'leaves':
        return octets(Buffer.concat([Buffer.from([0]), lies.leaves?.(pages) ?? pages]))
      case 'outcome':
        return { body }
      default:
        return { type: 'text/plain', body: Buffer.from('hello') }
    }
  }
}

function octets(body: Buffer): Said {
  return { type: 'application/octet-stream', body }
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  yield* values
}

async function against<T>(lies: Lies, act: () => Promise<T>): Promise<T> {
  const stop = await rogue.serve(saying(rogue, peer(lies)))
  try {
    return await act()
  } finally {
    await stop()
  }
}

async function callRogue(id: string): Promise<void> {
  const headers = { 'X-Road-Client': CLIENT, 'X-Road-Id': id }
  await until(async () => {
    const answer = await fetch(`${pair.consumer.client}/r1/${ROGUE}/rogue/hello`, { headers })
    await answer.arrayBuffer()
    return answer.status === 200
  })
}

let from = 0
test('who shows an empty log is held to what it has signed', async () => {
  from = Date.now()
  const comparison = await against({}, async () => {
    await callRogue('one')
    return await compared(pair.consumer, ROGUE, { from })
  })
  assert.deepEqual(kindsOf(comparison), ['missing request there', 'missing response there'])
  assert.equal(comparison.report.inAgreement, false)
})

test('what does not fit together ends the comparison, with what it was', async () => {
  const some = () => {
    const log = new TestLog(ROGUE, `${ROGUE}/R`)
    log.log('provider', { at: Date.now() - 1 })
    return log
  }
  const forger: NoteSigner = noteSigner('note', logOrigin(parseServerId('TEST/GOV/1111/P')))
  const foreign = base64(signedBy({ origin: forger.key.name, size: 0, root: EMPTY_ROOT }, forger))
  const lists: readonly [string, Lies, string][] = [
    ["another server's checkpoint", { runs: (said) => json({ ...said, checkpoint: foreign }) }, 'wrong_proof'],
    ['no checkpoint', { runs: (said) => json({ ...said, checkpoint: base64(Buffer.from('x')) }) }, 'wrong_proof'],
    ['no JSON', { runs: () => ({ body: Buffer.from('{') }) }, 'broken'],
    ['half a nonce', { runs: (said) => json({ ...said, nonce: 'AAAA' }) }, 'broken'],
    ['more than is agreed', { runs: (said) => json({ ...said, more: 1 }) }, 'broken'],
    ['a refusal', { runs: () => json({ error: { code: 'busy', message: 'later' } }, 503) }, 'refused'],
    ['too many', { list: () => json({ count: 1001, root: base64(Buffer.alloc(32)) }) }, 'too_many'],
    ['another list', { log: some(), values: (page) => Buffer.alloc(page.length, 3) }, 'wrong_values'],
    ['a longer list', { log: some(), values: (page) => Buffer.concat([page, page]) }, 'wrong_values'],
    ['half a value', { log: some(), values: (page) => page.subarray(1) }, 'malformed_statement'],
    ['a list of another run', { log: some(), secret: Buffer.alloc(64) }, 'wrong_proof'],
    ['a leaf that is not there', { log: some(), leaves: (page) => page.subarray(0, 0) }, 'wrong_proof'],
    ['octets for leaves', { log: some(), leaves: () => Buffer.from([9, 9, 9]) }, 'malformed_statement'],
    [
      'a record of somebody else',
      {
        log: (() => {
          const log = new TestLog(ROGUE, `${ROGUE}/R`)
          const other = new TestLog('TEST/GOV/1111', 'TEST/GOV/1111/P')
          other.log('provider', { at: Date.now() - 1 })
          log.entries.push(...other.entries)
          return log
        })(),
      },
      'wrong_proof',
    ],
    [
      'a record of another time',
      {
        log: (() => {
          const log = new TestLog(ROGUE, `${ROGUE}/R`)
          log.log('provider', { at: 5 })
          return log
        })(),
      },
      'wrong_proof',
    ],
  ]
  for (const [name, lies, code] of lists)
    await against(lies, async () => {
      const { state, error } = await ended(pair.consumer, ROGUE, { from, to: Date.now() + 1 })
      assert.deepEqual([state, error?.code], ['failed', code], `${name}: ${error?.message}`)
    })
})

test('a value without a leaf, and a message without our signature, are told and nobody agrees', async () => {
  const log = new TestLog(ROGUE, `${ROGUE}/R`)
  log.log('provider', { requestId: 'never', queryId: 'never', at: Date.now() - 5 })
  const comparison = await against({ log, invented: [Buffer.alloc(32, 7)] }, () =>
    compared(pair.consumer, ROGUE, { from: Date.now() - 50 }),
  )
  assert.deepEqual(kindsOf(comparison), ['unfounded request here'])
  const { report } = comparison
  assert.deepEqual([report.there[0]?.unproven, report.inAgreement], [1, false])
})

test('a policy names whom to believe: another key for the log of that server is refused', async () => {
  const log = new TestLog(ROGUE, `${ROGUE}/R`)
  const other = noteSigner('note', logOrigin(parseServerId(`${ROGUE}/R`)))
  const policy = (signer: NoteSigner) => `log ${formatVerifierKey(signer.key)}\nquorum none\n`
  const outcome = await against({ log }, () => ended(pair.consumer, ROGUE, { from, policy: policy(log.signer) }))
  assert.equal(outcome.report?.there[0]?.checkpoint.state, 'signed')
  const refused = await against({ log }, () => ended(pair.consumer, ROGUE, { from, policy: policy(other) }))
  assert.deepEqual([refused.state, refused.error?.code], ['failed', 'wrong_proof'])
})

/** What the rogue says to the provider's server, by REST. */
async function ask(path: string, body: Uint8Array | undefined, service = 'TEST/GOV/1111/registry'): Promise<string> {
  const head = requestHead(`${service}/saadikReconciliation`, { method: 'POST', path, id: `ask-${path.length}` })
  const message = transport(await honest(rogue, 'request', head, body))
  return (await rogue.post(pair.provider.address, message)).body
}

test('nobody is shown what others have exchanged, or made to keep what was not expected', async () => {
  const begin = (more: object) =>
    Buffer.from(
      JSON.stringify({
        ...{ run: 'run', from: 1, to: 2, margin: 0, as: ROGUE, with: 'TEST/GOV/1111', server: `${ROGUE}/R` },
        nonce: base64(Buffer.alloc(32)),
        checkpoint: base64(signedBy({ origin: `message-log/${ROGUE}/R`, size: 0, root: EMPTY_ROOT }, signer)),
        ...{ heldFrom: 0, ...more },
      }),
    )
  const signer = noteSigner('note', `message-log/${ROGUE}/R`)
  const cases: readonly [string, string, Uint8Array | undefined, RegExp][] = [
    ["another member's", '/runs', begin({ as: 'TEST/GOV/2222' }), /invalid_terms/],
    ['with another provider', '/runs', begin({ with: 'TEST/GOV/2222' }), /invalid_terms/],
    ["another member's server", '/runs', begin({ server: 'TEST/GOV/2222/C' }), /invalid_terms/],
    ['the future', '/runs', begin({ to: Date.now() + 100_000 }), /invalid_terms/],
    ['no time', '/runs', begin({ to: 1 }), /broken/],
    ["another log's checkpoint", '/runs', begin({ checkpoint: base64(Buffer.from('x')) }), /wrong_proof/],
    ['nothing', '/runs', undefined, /broken/],
    ['elsewhere', '/runnings', undefined, /wrong_step/],
    ['no run', '/runs/none/list', undefined, /unknown_run/],
    ['a badly escaped run', '/runs/%ff/list', undefined, /wrong_step/],
    ['a body to no run', '/runs/none/values/0', Buffer.alloc(100), /invalid_content_type/],
    ['a long beginning', '/runs', Buffer.alloc(300_000, 'x'), /invalid_message/],
  ]
  for (const [name, path, body, expected] of cases) assert.match(await ask(path, body), expected, name)
  // Steps out of their order end a run that was begun.
  assert.match(await ask('/runs', begin({})), /"nonce"/)
  assert.match(await ask('/runs/run/values/0', undefined), /wrong_step/)
  assert.match(await ask('/runs/run/list', undefined), /unknown_run/)
  // The same name again is none, and a run in the name of somebody else's member is his own.
  assert.match(await ask('/runs', begin({})), /busy/)
  assert.match(await ask('/runs', begin({ run: 'two' })), /"nonce"/)
  assert.match(await ask('/runs/two/list', Buffer.from('{"count":5,"root":"x"}')), /broken/)
})
