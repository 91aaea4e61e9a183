// Who reads the CA's store, and how: the responder and the TSA are there before it, see what the CA commits at once, and cannot write.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { parse, stringify } from 'yaml'
import { controlClient, runtimeSocket } from '#host'
import type { CeremonyAnswer, IssueAnswer } from '#pki/contract'
import { buildOcspRequest, oids, parseCertificate, parseOcspResponse } from '#trust'
import { startAuthorities } from '../../federation/authorities.ts'
import { freshAddress, startProcess, type TestProcess } from '../../federation/process.ts'
import { engine, storeConfig } from '../../stores.ts'

test('the OCSP responder and the TSA start before the CA, and open its store for reading alone', async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'saadik-pki-'))
  // For its signer.
  const other = await startAuthorities(home, { ceremony: false })
  const started: TestProcess[] = []
  t.after(async () => {
    await Promise.all(started.map((each) => each.stop()))
    await other.stop()
    rmSync(home, { recursive: true, force: true })
  })
  const directory = join(home, 'later')
  const store = storeConfig()
  const host = freshAddress()
  const start = async (name: string) => {
    const file = join(home, `later-${name}.yaml`)
    const config = parse(readFileSync(join(home, `${name}.yaml`), 'utf8'))
    writeFileSync(file, stringify({ ...config, ...store, directory, listen: { ...config.listen, host } }))
    started.push(await startProcess('pki/main.ts', [name, '--config', file]))
  }
  await start('ocsp')
  await start('tsa')
  const status = (name: string) =>
    controlClient(runtimeSocket(directory, name)).get<{ ready: boolean; reason?: string }>('/status')
  for (const name of ['ocsp', 'tsa']) {
    const { ready, reason } = await status(name)
    assert.deepEqual([ready, reason], [false, 'the key ceremony has not been held'])
  }
  const ask = async (request: Uint8Array) => {
    const headers = { 'Content-Type': 'application/ocsp-request' }
    const answer = await fetch(`http://${host}:8092`, { method: 'POST', headers, body: new Uint8Array(request) })
    return Buffer.from(await answer.arrayBuffer())
  }
  const { id } = await other.signer.generate({ use: 'configuration', algorithm: 'EC-P256' })
  const stranger = parseCertificate(await other.signer.selfSign({ key: id, commonName: 'stranger' }))
  assert.equal((await ask(buildOcspRequest(stranger, stranger))).toString('hex'), '30030a0103')
  if (engine === 'sqlite') assert.ok(!existsSync(join(directory, 'ca.sqlite')))

  await start('ca')
  const control = controlClient(runtimeSocket(directory, 'ca'))
  const made = await control.post<CeremonyAnswer>('/ceremony')
  const issuing = parseCertificate(Buffer.from(made.issuing, 'base64'))
  const key = await other.signer.generate({ use: 'message', algorithm: 'EC-P256' })
  const csr = await other.signer.csr({ key: key.id, subject: SEAL })
  const request = { profile: 'signing', csr: Buffer.from(csr).toString('base64') }
  const issued = await control.post<IssueAnswer>('/issue', request)
  const certificate = parseCertificate(Buffer.from(issued.certificate, 'base64'))
  const standing = async () => parseOcspResponse(await ask(buildOcspRequest(certificate, issuing))).responses[0]?.status
  assert.equal(await standing(), 'good')
  await control.post('/revoke', { serialNumber: certificate.serialNumber.toString(16), reason: 'keyCompromise' })
  assert.equal(await standing(), 'revoked')
  for (const name of ['ocsp', 'tsa']) assert.equal((await status(name)).ready, true)

  if (engine === 'postgres') return
  const [ocsp, tsa, ca] = started.map(({ pid }) => writable(pid, join(directory, 'ca.sqlite')))
  assert.deepEqual([ocsp, tsa, ca], [[false], [false], [true]])
})

const SEAL = [
  { oid: oids.country, value: 'EE' },
  { oid: oids.organization, value: 'Siseministeerium' },
  { oid: oids.businessCategory, value: 'GOV' },
  { oid: oids.commonName, value: 'Siseministeerium' },
  { oid: oids.serialNumber, value: '70000001' },
]

/** Of each descriptor that a process has of a file, whether it may write. */
function writable(pid: number, file: string): boolean[] {
  const numbers = readdirSync(`/proc/${pid}/fd`).filter((number) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${number}`) === file
    } catch {
      return false
    }
  })
  return numbers.map((number) => {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${number}`, 'utf8'))?.[1]
    return (Number.parseInt(flags ?? '2', 8) & 3) !== 0
  })
}
