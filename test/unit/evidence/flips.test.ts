// One bit at a time: whatever is changed in a fresh container is found, at thousands of random places of every part that proves something.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readZip, verifyContainer, writeZip } from '#evidence'
import { type Der, readDer } from '#trust'
import { foundCountry, NOW } from './authority.ts'
import { freshSeed, random } from './documents.ts'
import { collect, evidenceOf, once, REST_RESPONSE } from './messages.ts'

const country = foundCountry()
const body = Buffer.from(JSON.stringify(Array.from({ length: 40 }, (_, index) => ({ index, name: `person ${index}` }))))

type Entries = ReadonlyMap<string, Buffer>

async function unpacked(bytes: Uint8Array): Promise<Entries> {
  const entries = new Map<string, Buffer>()
  for await (const entry of readZip(once(bytes))) entries.set(entry.name, await collect(entry.body))
  return entries
}

async function repacked(entries: Entries, name: string, forged: Buffer): Promise<Buffer> {
  return collect(
    writeZip(
      [...entries].map(([entry, bytes]) => ({
        name: entry,
        modifiedAt: NOW,
        compress: false,
        body: entry === name ? forged : bytes,
      })),
    ),
  )
}

const SIGNATURES = 'META-INF/signatures.xml'

interface Target {
  readonly entry: string
  /** Octets that may be changed: from, to. */
  readonly range: (bytes: Buffer) => readonly [number, number]
  /** The text in that range is base64, and it is the octets it means that are changed. */
  readonly base64?: boolean
}

const whole = (entry: string): Target => ({ entry, range: (bytes) => [0, bytes.length] })

function element(name: string, base64 = false): Target {
  return {
    entry: SIGNATURES,
    base64,
    range: (bytes) => {
      const from = bytes.indexOf('>', bytes.indexOf(`<${name}`)) + 1
      const to = bytes.indexOf(`</${name}>`)
      assert.ok(from > 0 && to > from, name)
      return [from, to]
    },
  }
}

/** A value inside the time-stamp token (RFC 5652 §5.1). */
function inToken(find: (data: Der, signer: Der) => Uint8Array | undefined): Target {
  return {
    entry: 'META-INF/timestamp.tst',
    range: (bytes) => {
      const data = readDer(bytes).child(1).child(0)
      const value = find(data, data.children().at(-1)?.child(0) ?? data)
      assert.ok(value)
      const from = value.byteOffset - bytes.byteOffset
      return [from, from + value.length]
    },
  }
}

const TARGETS: Record<string, Target> = {
  message: whole('message.xml'),
  attachment: whole('attachment1'),
  'hash chain result': whole('sig-hashchainresult.xml'),
  SignedInfo: element('ds:SignedInfo'),
  SignatureValue: element('ds:SignatureValue', true),
  'the text of SignatureValue': element('ds:SignatureValue'),
  SignedProperties: element('xades:SignedProperties'),
  'signing certificate': element('ds:X509Certificate', true),
  'OCSP answer': element('xades:EncapsulatedOCSPValue', true),
  'time-stamp chain result': whole('ts-hashchainresult.xml'),
  TSTInfo: inToken((data) => data.child(2).tagged(0)?.child(0).octets()),
  'signed attributes': inToken((_, signer) => signer.child(3).content),
  'token signature': inToken((_, signer) => signer.children().at(-1)?.octets()),
}

/** Nothing else in a DER answer or certificate says anything: all of it is signed, or names who signed. */
function flip(bytes: Buffer, { range, base64 = false }: Target, next: () => number): { forged: Buffer; what: string } {
  const [from, to] = range(bytes)
  const original = base64
    ? Buffer.from(bytes.subarray(from, to).toString('latin1'), 'base64')
    : bytes.subarray(from, to)
  const changed = Buffer.from(original)
  const at = Math.floor(next() * changed.length)
  const bit = Math.floor(next() * 8)
  changed[at] = (changed[at] ?? 0) ^ (1 << bit)
  const text = base64 ? Buffer.from(changed.toString('base64')) : changed
  return {
    forged: Buffer.concat([bytes.subarray(0, from), text, bytes.subarray(to)]),
    what: `octet ${at} of ${changed.length}, bit ${bit}`,
  }
}

/** For each part and each kind of key. */
const EACH = process.env['SAADIK_LONG'] ? 1000 : 200

test('a flip anywhere is found', async (t) => {
  const seed = freshSeed(t)
  const next = random(seed)
  for (const kind of ['EC-P256', 'RSA-2048'] as const) {
    const container = await evidenceOf(country, { kind, message: REST_RESPONSE, body, stamp: 'batch' })
    assert.equal((await verifyContainer(once(container), country.trust)).verdict, 'valid')
    const entries = await unpacked(container)
    for (const [name, target] of Object.entries(TARGETS)) {
      const bytes = entries.get(target.entry)
      assert.ok(bytes, target.entry)
      const missed = new Set<string>()
      for (let count = 0; count < EACH; count += 1) {
        const { forged, what } = flip(bytes, target, next)
        const { verdict } = await verifyContainer(once(await repacked(entries, target.entry, forged)), country.trust)
        if (verdict === 'valid') missed.add(what)
      }
      assert.deepEqual([...missed], [], `${kind}: ${name}, seed ${seed}`)
    }
  }
})
