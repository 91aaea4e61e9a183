// kill -9 of the CA while it issues: no certificate leaves unrecorded, no signature is made for a serial number that the register lacks.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import type { CertificatePage, CertificateRecord } from '#pki/contract'
import { oids, parseCertificate } from '#trust'
import { page } from '../../../pki/store/certificates.ts'
import { readPkiStore } from '../../../pki/store/schema.ts'
import { type Authorities, startAuthorities } from '../../federation/authorities.ts'

const KILLS = process.env['SAADIK_LONG'] === '1' ? 40 : 4
const AT_ONCE = 6

test(`kill -9 of the CA while it issues, ${KILLS} times`, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'saadik-pki-'))
  const authorities = await startAuthorities(home)
  t.after(async () => {
    await authorities.stop()
    rmSync(home, { recursive: true, force: true })
  })
  const requests = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) => request(authorities, `7000000${index}`)),
  )
  const received: Uint8Array[] = []
  for (let kill = 0; kill < KILLS; kill += 1) {
    let stopped = false
    const askers = requests.map(async (csr) => {
      while (!stopped) {
        const certificate = await authorities.issue('signing', csr).catch(() => undefined)
        if (certificate !== undefined) received.push(certificate)
      }
    })
    // At a different point of the stream each time: after the first answers, somewhere in the next ones.
    const enough = received.length + 1 + (kill % 3)
    while (received.length < enough) await pause(1)
    await pause(Math.random() * 10)
    stopped = true
    await authorities.stopCa('SIGKILL')
    await Promise.all(askers)
    await authorities.startCa()
  }

  const register = new Map((await wholeRegister(authorities)).map((record) => [record.serialNumber, record]))
  for (const der of received) {
    const record = register.get(parseCertificate(der).serialNumber.toString(16))
    assert.equal(record?.state, 'issued')
    assert.equal(record?.certificate, Buffer.from(der).toString('base64'))
  }
  assert.ok([...register.values()].every(({ state }) => state === 'issued' || state === 'abandoned'))

  // The signer's own trail: each certificate it ever signed stands in the register, by the digest of what was signed.
  const store = readPkiStore(authorities.place)
  t.after(() => store.close())
  const prepared = new Set((await page(store.db, 0, 100_000)).map((row) => row.tbs_hash))
  const signed = (await audit(authorities)).filter(({ op, purpose }) => op === 'sign' && purpose === 'certificate')
  assert.ok(signed.length >= received.length)
  assert.deepEqual(
    signed.filter((entry) => entry.digest === undefined || !prepared.has(entry.digest)),
    [],
  )
})

test('kill -9 of the CA in the ceremony: held again, it continues', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'saadik-pki-'))
  const authorities = await startAuthorities(home, { ceremony: false })
  t.after(async () => {
    await authorities.stop()
    rmSync(home, { recursive: true, force: true })
  })
  for (let step = 0; step < 5; step += 1) {
    const held = authorities.control.post('/ceremony').catch(() => undefined)
    await pause(5 + step * 5)
    await authorities.stopCa('SIGKILL')
    await held
    await authorities.startCa()
  }
  await authorities.control.post('/ceremony')
  const labels = (await authorities.signer.keys()).map(({ label }) => label)
  assert.deepEqual(labels.toSorted(), ['Test issuing', 'Test ocsp', 'Test root', 'Test root-ocsp', 'Test tsa'])
  const issued = (await wholeRegister(authorities))
    .filter(({ state }) => state === 'issued')
    .map(({ profile }) => profile)
  for (const profile of ['root', 'issuing', 'ocsp', 'tsa'])
    assert.ok(issued.includes(profile), `no ${profile} certificate`)
})

async function request(authorities: Authorities, code: string): Promise<Uint8Array> {
  const { id } = await authorities.signer.generate({ use: 'message', algorithm: 'EC-P256' })
  const subject = [
    { oid: oids.country, value: 'EE' },
    { oid: oids.organization, value: 'Member' },
    { oid: oids.businessCategory, value: 'GOV' },
    { oid: oids.commonName, value: 'Member' },
    { oid: oids.serialNumber, value: code },
  ]
  return await authorities.signer.csr({ key: id, subject })
}

async function wholeRegister({ control }: Authorities): Promise<readonly CertificateRecord[]> {
  const records: CertificateRecord[] = []
  for (let after: number | undefined = 0; after !== undefined; ) {
    const { certificates, next }: CertificatePage = await control.get<CertificatePage>(
      `/certificates?limit=500&after=${after}`,
    )
    records.push(...certificates)
    after = next
  }
  return records
}

async function audit({ signer }: Authorities) {
  const entries: Awaited<ReturnType<typeof signer.audit>>[number][] = []
  for (;;) {
    const more = await signer.audit({ after: entries.at(-1)?.seq ?? 0, limit: 500 })
    if (more.length === 0) return entries
    entries.push(...more)
  }
}
