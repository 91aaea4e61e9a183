// The TSA and its clock: times never decrease, not even over a crash, and a clock that went back is refused.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import {
  buildTimestampRequest,
  digest,
  parseCertificate,
  parseTimestampResponse,
  parseTimestampToken,
  verifyTimestampToken,
} from '#trust'
import { holdCeremony } from '../../../pki/ceremony.ts'
import { openPkiStore } from '../../../pki/store/schema.ts'
import { openSerialStore } from '../../../pki/store/serials.ts'
import { timestampingAuthority } from '../../../pki/tsa.ts'
import { placeIn } from '../../stores.ts'
import { deskSigner } from './desk-signer.ts'

const POLICY = '2.25.187417736174192509133950134164864946388'
const imprint = digest('SHA-512', Buffer.from('x'))
const query = buildTimestampRequest({ digest: 'SHA-512', imprint, nonce: 77n, certReq: true, policy: POLICY })

async function room(t: test.TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-tsa-'))
  const store = openPkiStore(placeIn(directory, 'ca'))
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const signer = deskSigner()
  const time = { now: Date.parse('2027-01-01T00:00:00Z') }
  const clock = { now: () => new Date(time.now) }
  const identity = { name: 'Desk', keyAlgorithm: 'EC-P256' } as const
  const locations = () => ({ crl: 'http://ca.example/crl', issuer: 'http://ca.example/issuing.cer' })
  const hold = () => holdCeremony({ db: store.db, signer, clock, subjectRules: 'Basic', locations, identity })

  /** As after a start of the process; `end` is an orderly stop, or a crash. */
  const serialsPlace = placeIn(directory, 'tsa')
  const start = () => {
    const serials = openSerialStore(serialsPlace)
    const faults: unknown[] = []
    const tsa = timestampingAuthority({ db: store.db, serials, signer, clock, policy: POLICY })
    return {
      tsa,
      faults,
      async stamp() {
        const { der, granted } = await tsa.answer(query, (cause) => faults.push(cause))
        const answer = parseTimestampResponse(der)
        assert.equal(granted, answer.token !== undefined)
        return answer.token === undefined ? answer.failure : parseTimestampToken(answer.token)
      },
      async end(how: 'stop' | 'crash') {
        if (how === 'stop') await tsa.settle()
        await serials.close()
      },
    }
  }
  return { time, signer, hold, start }
}

test('a token says what was asked, by whom, under which policy', async (t) => {
  const { time, hold, start } = await room(t)
  const { certificates } = await hold()
  const { stamp, end } = start()
  const token = await stamp()
  assert.ok(typeof token === 'object')
  assert.equal(token.genTime.getTime(), time.now)
  assert.equal(token.nonce, 77n)
  assert.equal(token.policy, POLICY)
  assert.ok(Buffer.from(token.imprint).equals(imprint))
  assert.equal(verifyTimestampToken(token, [certificates.tsa]).tsa, parseCertificate(certificates.tsa.der))
  await end('stop')
})

test('before the ceremony, and while the signer fails, there is no token', async (t) => {
  const { hold, start, signer } = await room(t)
  const { stamp, faults, end } = start()
  assert.equal(await stamp(), 'systemFailure')
  await hold()
  signer.before = () => {
    throw new Error('locked')
  }
  assert.equal(await stamp(), 'systemFailure')
  signer.before = () => undefined
  assert.equal(typeof (await stamp()), 'object')
  assert.equal(faults.length, 2)
  await end('stop')
})

test('a clock that goes back is refused until it has caught up', async (t) => {
  const { time, hold, start } = await room(t)
  await hold()
  const { stamp, end } = start()
  assert.equal(typeof (await stamp()), 'object')
  time.now -= 1
  assert.equal(await stamp(), 'timeNotAvailable')
  time.now += 1
  assert.equal(typeof (await stamp()), 'object')
  await end('stop')
})

test('over a restart too: after a stop from the last token on, after a crash from the declared ceiling on', async (t) => {
  const { time, hold, start } = await room(t)
  await hold()
  const serials: bigint[] = []
  const granted = async (stamp: () => Promise<unknown>) => {
    const token = (await stamp()) as { serialNumber: bigint }
    assert.equal(typeof token, 'object')
    serials.push(token.serialNumber)
  }
  const first = start()
  await granted(first.stamp)
  await first.end('stop')

  const second = start()
  await granted(second.stamp)
  time.now += 10
  await granted(second.stamp)
  await second.end('crash')

  time.now += 10
  const third = start()
  assert.equal(await third.stamp(), 'timeNotAvailable')
  time.now += 1000
  await granted(third.stamp)
  await third.end('stop')

  time.now -= 1
  const fourth = start()
  assert.equal(await fourth.stamp(), 'timeNotAvailable')
  await fourth.end('stop')
  assert.equal(new Set(serials).size, serials.length)
})
