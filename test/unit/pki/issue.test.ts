// The two steps of issuing and the ceremony, with a signer that fails at chosen moments.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { oids, verifyPath, verifySignature } from '#trust'
import { type CeremonyContext, holdCeremony, issuerOf } from '../../../pki/ceremony.ts'
import { PkiError } from '../../../pki/error.ts'
import { issuingDesk } from '../../../pki/issue.ts'
import { ensureCrl } from '../../../pki/revocation.ts'
import { abandonPrepared, page, recordRevocation, serialText, standing } from '../../../pki/store/certificates.ts'
import { openPkiStore } from '../../../pki/store/schema.ts'
import { placeIn } from '../../stores.ts'
import { deskSigner } from './desk-signer.ts'

const clock = { now: () => new Date() }

function room(t: test.TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'saadik-desk-'))
  const store = openPkiStore(placeIn(directory, 'ca'))
  t.after(async () => {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const signer = deskSigner()
  const context: CeremonyContext = {
    db: store.db,
    signer,
    clock,
    subjectRules: 'Basic',
    locations: () => ({ crl: 'http://ca.example/crl', issuer: 'http://ca.example/issuing.cer' }),
    identity: { name: 'Desk', keyAlgorithm: 'EC-P256' },
  }
  return { context, signer, db: store.db }
}

const service = (name: string) => ({
  profile: 'tls' as const,
  subject: [{ oid: oids.commonName, value: name }],
  spki: new Uint8Array(
    generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey.export({ type: 'spki', format: 'der' }),
  ),
  dnsNames: [name],
})

const code = (expected: string) => (error: unknown) => error instanceof PkiError && error.code === expected

test('what was linted is what is signed, and it was recorded before', async (t) => {
  const { context, signer, db } = room(t)
  await holdCeremony(context)
  const issuing = await issuerOf('issuing', context)
  const desk = issuingDesk(issuing, context)
  const token = await desk.prepare(service('a.example.ee'))
  const before = signer.signed.length
  let recorded: string | undefined
  signer.before = async () => {
    recorded = (await page(db, 0, 500)).find(({ serial }) => serial === serialText(token.serialNumber))?.state
  }
  const certificate = await desk.issue(token)
  assert.equal(recorded, 'prepared')
  assert.equal(signer.signed.length, before + 1)
  assert.ok(Buffer.from(certificate.tbs).equals(signer.signed.at(-1)?.data ?? Buffer.alloc(0)))
  assert.equal(certificate.serialNumber, token.serialNumber)
  assert.ok(certificate.signatureAlgorithm)
  const { signatureAlgorithm, tbs, signature } = certificate
  assert.ok(verifySignature(signatureAlgorithm, issuing.certificate.publicKey, tbs, signature))
  const root = await issuerOf('root', context)
  assert.equal(verifyPath(certificate, root.certificate, [issuing.certificate], new Date()).length, 2)
})

test('a token works once, and only where it was given', async (t) => {
  const { context } = room(t)
  await holdCeremony(context)
  const issuing = issuingDesk(await issuerOf('issuing', context), context)
  const root = issuingDesk(await issuerOf('root', context), context)
  const token = await issuing.prepare(service('a.example.ee'))
  await assert.rejects(root.issue(token), code('token_spent'))
  await assert.rejects(issuing.issue({ serialNumber: token.serialNumber }), code('token_spent'))
  const results = await Promise.allSettled([issuing.issue(token), issuing.issue(token)])
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  await assert.rejects(issuing.issue(token), code('token_spent'))
})

test('a signer that fails leaves a serial number on record and no certificate', async (t) => {
  const { context, signer, db } = room(t)
  await holdCeremony(context)
  const desk = issuingDesk(await issuerOf('issuing', context), context)
  const token = await desk.prepare(service('a.example.ee'))
  signer.before = () => {
    throw new Error('locked')
  }
  await assert.rejects(desk.issue(token), /locked/)
  signer.before = () => undefined
  assert.equal((await standing(db, 'issuing', token.serialNumber)).state, 'unknown')
  assert.equal(await abandonPrepared(db), 1)
  assert.equal((await page(db, 0, 500)).at(-1)?.state, 'abandoned')
  assert.equal((await standing(db, 'issuing', token.serialNumber)).state, 'unknown')
})

test('a signer that has another key under this id makes no certificate', async (t) => {
  const { context, signer } = room(t)
  await holdCeremony(context)
  const desk = issuingDesk(await issuerOf('issuing', context), context)
  const token = await desk.prepare(service('a.example.ee'))
  signer.swapKeys()
  await assert.rejects(desk.issue(token), code('signature_mismatch'))
})

test('two requests for one key at once: one holder wins', async (t) => {
  const { context } = room(t)
  await holdCeremony(context)
  const desk = issuingDesk(await issuerOf('issuing', context), context)
  const { spki } = service('a.example.ee')
  const tokens = await Promise.all(['a', 'b'].map((name) => desk.prepare({ ...service(`${name}.example.ee`), spki })))
  const results = await Promise.allSettled(tokens.map((token) => desk.issue(token)))
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})

test('a ceremony cut off at every signature continues, and makes each key once', async (t) => {
  const { context, signer } = room(t)
  let left = 0
  signer.before = () => {
    left -= 1
    if (left < 0) throw new Error('cut off')
  }
  let holds = 0
  const made: string[] = []
  for (let done = false; !done; holds += 1) {
    assert.ok(holds < 20, 'the ceremony does not come to its end')
    left = 1
    try {
      made.push(...(await holdCeremony(context)).made)
      done = true
    } catch (error) {
      assert.match(String(error), /cut off/)
    }
  }
  assert.ok(holds > 3)
  assert.deepEqual(
    (await signer.keys()).map(({ label }) => label),
    ['Desk root', 'Desk issuing', 'Desk ocsp', 'Desk root-ocsp', 'Desk tsa'],
  )
  signer.before = () => undefined
  assert.deepEqual((await holdCeremony(context)).made, [])
})

test('a key made just before a crash is found again by its label', async (t) => {
  const { context, signer } = room(t)
  const orphan = await signer.generate({ use: 'certificate', algorithm: 'EC-P256', label: 'Desk root' })
  await holdCeremony(context)
  assert.equal((await issuerOf('root', context)).keyId, orphan.id)
})

test('an OCSP responder is renewed in its last 60 days, over the same key; nobody else is', async (t) => {
  const { context } = room(t)
  const first = await holdCeremony(context)
  const later = { now: () => new Date(Date.now() + 310 * 86_400_000) }
  const second = await holdCeremony({ ...context, clock: later })
  assert.deepEqual(second.made, ['ocsp', 'root-ocsp'])
  assert.ok(Buffer.from(second.certificates.ocsp.spki).equals(first.certificates.ocsp.spki))
})

test('a CRL is made again for a revocation it lacks or at half of its life, else kept', async (t) => {
  const { context, signer, db } = room(t)
  await holdCeremony(context)
  const issuing = await issuerOf('issuing', context)
  const desk = issuingDesk(issuing, context)
  const certificate = await desk.issue(await desk.prepare(service('a.example.ee')))
  const at = (seconds: number) => ({
    db,
    signer,
    validSeconds: 100,
    clock: { now: () => new Date(1_900_000_000_000 + seconds * 1000) },
  })
  assert.equal((await ensureCrl(issuing, at(0))).number, 1)
  assert.equal((await ensureCrl(issuing, at(49))).number, 1)
  assert.equal((await ensureCrl(issuing, at(51))).number, 2)
  await recordRevocation(db, serialText(certificate.serialNumber), 'superseded', new Date(1_900_000_052_000))
  signer.before = () => {
    throw new Error('locked')
  }
  await assert.rejects(ensureCrl(issuing, at(53)), /locked/)
  signer.before = () => undefined
  const crl = await ensureCrl(issuing, at(53))
  assert.deepEqual([crl.number, crl.entries], [3, 1])
  assert.equal((await ensureCrl(issuing, at(54))).number, 3)
})
