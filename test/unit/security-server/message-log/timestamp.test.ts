import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import test from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { signatureValueOf, signMessage } from '#evidence'
import { parseTimestampToken } from '#trust'
import { askLog, changeRecords } from './behind.ts'
import {
  code,
  configurationWith,
  openLog,
  record as plainRecord,
  TestClock,
  TestLog,
  temporaryDirectory,
  until,
} from './fixture.ts'
import { makeMember } from './member.ts'
import { startTsa } from './tsa.ts'

const AT = new Date('2026-03-01T12:00:00Z')
const DOCUMENT = await signMessage(
  [{ name: '/message.xml', digest: new Uint8Array(64) }],
  (await makeMember(AT)).signer,
  AT,
)

/** With a whole signature document, over nothing, and with a value of its own. */
function record(facts: Parameters<typeof plainRecord>[0] = {}): ReturnType<typeof plainRecord> {
  const plain = plainRecord(facts)
  const value = createHash('sha512').update(plain.queryId).digest('base64')
  const xml = Buffer.from(DOCUMENT.xml).toString()
  return { ...plain, signature: Buffer.from(xml.replace(/(<ds:SignatureValue[^>]*>)[^<]*/, `$1${value}`)) }
}

test('one waiting record is covered directly, by its signature value; several by one hash chain', async (t) => {
  const directory = await temporaryDirectory(t)
  const tsa = await startTsa(t)
  const log = await openLog(t, { directory, configuration: () => configurationWith([tsa]) })
  const alone = record()
  await log.append(alone)
  await log.timestampNow([1])
  assert.deepEqual(tsa.asked.map(hex), [hex(sha512(signatureValueOf(alone.signature)))])
  assert.equal((await log.get(1))?.timestamped, true)
  assert.equal(log.status().untimestamped, 0)
  assert.equal(log.status().lastTimestamp, '2026-03-01T12:00:05.000Z')

  await Promise.all([log.append(record()), log.append(record()), log.append(record())])
  await log.timestampNow([2, 3, 4, 4, 1, 99])
  assert.equal(tsa.asked.length, 2, 'one request for all, and none for the one that has its time-stamp')
  const single = await log.timestampOf(1)
  assert.ok(single && single.result === undefined && single.chain === undefined)
  assert.deepEqual(
    parseTimestampToken(single.token).certificates[0]?.der,
    tsa.certificate.der,
    'the authority is named in the token',
  )
  const stamps = await Promise.all([2, 3, 4].map((seq) => log.timestampOf(seq)))
  for (const stamp of stamps) {
    assert.ok(stamp?.result && stamp.chain)
    assert.deepEqual(hex(parseTimestampToken(stamp.token).imprint), hex(sha512(stamp.result)))
    assert.deepEqual(hex(stamp.token), hex(stamps[0]?.token ?? new Uint8Array()))
  }
})

test('the job time-stamps what waits, a full round at once after another', async (t) => {
  const tsa = await startTsa(t)
  const log = await openLog(t, {
    directory: await temporaryDirectory(t),
    settings: { timestampIntervalSeconds: 1 },
    configuration: () => configurationWith([tsa]),
  })
  await Promise.all(Array.from({ length: 10_050 }, () => log.append(record())))
  await until(() => log.status().untimestamped === 0)
  assert.equal((await log.get(10_050))?.timestamped, true)
  const asked = tsa.asked.length
  await log.append(record())
  await until(() => log.status().untimestamped === 0)
  assert.equal(tsa.asked.length, asked + 1)
})

test('immediate: a record is taken when it has its time-stamp, and waits in the log when it could not have one', async (t) => {
  const directory = await temporaryDirectory(t)
  const tsa = await startTsa(t)
  const log = await openLog(t, {
    directory,
    settings: { timestamping: 'immediate' },
    configuration: () => configurationWith([tsa]),
  })
  const seqs = await Promise.all(Array.from({ length: 20 }, () => log.append(record())))
  for (const seq of seqs) assert.equal((await log.get(seq))?.timestamped, true)
  assert.ok(tsa.asked.length < 20, 'concurrent records share a time-stamp')
  tsa.behaviour = 'rejects'
  await assert.rejects(log.append(record({ queryId: 'late' })), (error: { code?: string; faultCode?: string }) => {
    assert.equal(error.code, 'timestamping_failed')
    assert.equal(error.faultCode, 'timestamping_failed')
    return true
  })
  assert.equal((await log.get(21))?.queryId, 'late')
  assert.equal(log.status().untimestamped, 1)
  tsa.behaviour = 'good'
  assert.equal(await log.append(record()), 22, 'each record tries for itself')
})

test('authorities are asked in order, and what is wrong with each is told', async (t) => {
  const first = await startTsa(t, 'first')
  const second = await startTsa(t, 'second')
  const stranger = await startTsa(t, 'stranger')
  const said = new TestLog()
  let tsas = [first, second]
  const log = await openLog(t, {
    directory: await temporaryDirectory(t),
    configuration: () => configurationWith(tsas),
    log: said,
  })
  await log.append(record())
  first.behaviour = 'http-500'
  await log.timestampNow([1])
  assert.equal(first.asked.length, 1)
  assert.equal(second.asked.length, 1)
  let seq = 1
  for (const behaviour of ['http-500', 'rejects', 'garbage', 'other-imprint', 'other-key', 'hangs-up'] as const) {
    first.behaviour = behaviour
    second.behaviour = behaviour
    seq = await log.append(record())
    await assert.rejects(log.timestampNow([seq]), code('timestamping_failed'), behaviour)
    assert.equal((await log.get(seq))?.timestamped, false)
    assert.match(log.status().lastError ?? '', /first .*; second /)
  }
  tsas = [{ ...stranger, certificate: first.certificate, asked: [] }]
  await assert.rejects(
    log.timestampNow([seq]),
    code('timestamping_failed'),
    'a token of an authority that the configuration does not trust',
  )
  assert.equal((await log.get(seq))?.timestamped, false)
})

test('messages are refused once time-stamping has failed for too long, across restarts, until it works again', async (t) => {
  const directory = await temporaryDirectory(t)
  const tsa = await startTsa(t)
  const clock = new TestClock()
  const open = () =>
    openLog(t, {
      directory,
      clock,
      settings: { acceptableFailureSeconds: 3600, timestampIntervalSeconds: 1 },
      configuration: () => configurationWith([tsa]),
    })
  tsa.behaviour = 'rejects'
  let log = await open()
  await log.append(record())
  await until(() => log.status().failingSince !== undefined)
  assert.equal(log.status().failingSince, '2026-03-01T12:00:00.000Z')
  clock.forward(3600)
  await log.append(record())
  clock.forward(1)
  const refused = (error: { code?: string; faultCode?: string; message: string }): boolean => {
    assert.equal(error.code, 'timestamping_failed')
    assert.equal(error.faultCode, 'timestamping_failed')
    assert.match(error.message, /since 2026-03-01T12:00:00.000Z/)
    return true
  }
  await assert.rejects(log.append(record()), refused)
  assert.match(log.status().refusing ?? '', /Time-stamping has failed/)
  await log.close()
  log = await open()
  assert.equal(log.status().failingSince, '2026-03-01T12:00:00.000Z')
  await assert.rejects(log.append(record()), refused, 'a restart starts no new period')
  tsa.behaviour = 'good'
  await until(() => log.status().untimestamped === 0)
  assert.equal(log.status().failingSince, undefined)
  assert.equal(log.status().refusing, undefined)
  assert.equal(await log.append(record()), 3)
  await log.close()
  const state = (table: string) => `SELECT value FROM ${table} WHERE key = 'failing_since'`
  const [kept] = await askLog(directory, { sqlite: state('state'), postgres: state('log_state') })
  assert.equal(kept?.['value'], null)
})

test('while authorities fail, one record is tried; the first success brings the rest', async (t) => {
  const tsa = await startTsa(t)
  const log = await openLog(t, {
    directory: await temporaryDirectory(t),
    settings: { timestampIntervalSeconds: 1 },
    configuration: () => configurationWith([tsa]),
  })
  tsa.behaviour = 'rejects'
  const records = [record(), record(), record()]
  for (const one of records) await log.append(one)
  await until(() => tsa.asked.length >= 2)
  tsa.behaviour = 'good'
  await until(() => log.status().untimestamped === 0)
  const probe = hex(sha512(signatureValueOf(records[0]?.signature ?? new Uint8Array())))
  assert.ok(
    tsa.asked.slice(1, -1).every((imprint) => hex(imprint) === probe),
    'probes are single time-stamps of the oldest record',
  )
  assert.notEqual(hex(tsa.asked.at(-1) ?? new Uint8Array()), probe)
})

test('a damaged record holds up no other: it goes with the next, and who asks for it is told', async (t) => {
  const tsa = await startTsa(t)
  const directory = await temporaryDirectory(t)
  const said = new TestLog()
  const log = await openLog(t, {
    directory,
    log: said,
    settings: { timestampIntervalSeconds: 1 },
    configuration: () => configurationWith([tsa]),
  })
  tsa.behaviour = 'rejects'
  await log.append(record({ queryId: 'damaged' }))
  await until(() => log.status().failingSince !== undefined)
  await changeRecords(directory, 'damaged', 'Damaged')
  tsa.behaviour = 'good'
  await assert.rejects(log.timestampNow([1]), code('record_damaged'))
  const asked = tsa.asked.length
  const lines = said.lines.length
  await log.append(record())
  await until(() => log.status().untimestamped === 0)
  assert.ok(tsa.asked.length > asked)
  assert.equal(log.status().failingSince, undefined)
  assert.ok(said.lines.slice(lines).every(({ level }) => level !== 'error'))
})

test('a log that is closed while a long round is stored finishes it, and nothing is said to be broken', async (t) => {
  const tsa = await startTsa(t)
  const directory = await temporaryDirectory(t)
  const said = new TestLog()
  const open = (log: TestLog) => openLog(t, { directory, log, configuration: () => configurationWith([tsa]) })
  const log = await open(said)
  // The scheduled round, over nothing, has been; else it could be over a part of them.
  await sleep(1_500)
  const seqs = await Promise.all(Array.from({ length: 3000 }, () => log.append(record())))
  const stamped = Promise.allSettled([log.timestampNow(seqs)])
  await until(() => tsa.asked.length === 1)
  while (log.status().untimestamped === seqs.length) await new Promise((resolve) => setImmediate(resolve))
  await log.close()
  await stamped
  assert.deepEqual(
    said.lines.filter(({ level }) => level !== 'info'),
    [],
  )
  assert.equal((await open(new TestLog())).status().untimestamped, 0)
})

test('without a time-stamping authority nothing is taken', async (t) => {
  const tsa = await startTsa(t)
  let configuration: ReturnType<typeof configurationWith> | undefined
  const log = await openLog(t, { directory: await temporaryDirectory(t), configuration: () => configuration })
  const refused = (error: { code?: string; faultCode?: string }): boolean => {
    assert.equal(error.code, 'no_timestamping_provider')
    assert.equal(error.faultCode, 'mlog.no_timestamping_provider_found')
    return true
  }
  await assert.rejects(log.append(record()), refused)
  configuration = configurationWith([])
  await assert.rejects(log.append(record()), refused)
  assert.equal(log.status().records, 0)
  configuration = configurationWith([tsa])
  assert.equal(await log.append(record()), 1)
})

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

function sha512(bytes: Uint8Array): Uint8Array {
  return createHash('sha512').update(bytes).digest()
}
