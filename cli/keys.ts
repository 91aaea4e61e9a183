// `saadik keys …`: what an operator does with the keys of a signer. Private keys never come here.
import {
  KEY_ALGORITHMS,
  KEY_USES,
  type KeyInfo,
  NOTE_KEY_ALGORITHMS,
  NOTE_USES,
  type SignedHead,
  type SignerClient,
} from '#signer'
import { parseCertificate, pem, unpem } from '#trust'
import type { Arguments, Output, Run } from './command.ts'
import { CliError } from './error.ts'
import { readInput, writeOutput } from './files.ts'
import { readPins } from './pin.ts'
import { nearest, oneOf } from './suggest.ts'
import { type Kind, targetOf, withSigner } from './targets.ts'

const ANY: readonly Kind[] = ['security-server', 'central-server', 'ca']
/** Subject attributes by the names people use (RFC 4519, and X.520's organizationIdentifier). */
const ATTRIBUTES: Readonly<Record<string, string>> = {
  C: '2.5.4.6',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
  serialNumber: '2.5.4.5',
  businessCategory: '2.5.4.15',
  organizationIdentifier: '2.5.4.97',
}

export const list: Run = (given, out) =>
  withSigner(targetOf(given, ANY), async (signer) => {
    const keys = await signer.keys()
    const heads = new Map<string, readonly SignedHead[]>()
    for (const { id, note } of keys) if (note !== undefined) heads.set(id, await signer.signedHeads(id))
    show(keys, heads, given, out)
    return 0
  })

export const generate: Run = (given, out) => {
  const use = oneOf('--use', given.text('use'), KEY_USES)
  const forNotes = NOTE_USES.some((each) => each === use)
  const algorithms = forNotes ? NOTE_KEY_ALGORITHMS : KEY_ALGORITHMS
  const algorithm = oneOf('--algorithm', given.text('algorithm') ?? algorithms[0], algorithms)
  const label = given.text('label')
  const name = given.text('name')
  if (forNotes !== (name !== undefined))
    throw new CliError(
      'usage',
      forNotes ? `a key for ${use} has a name: --name NAME` : `a key for ${use} has no --name`,
    )
  return withSigner(targetOf(given, ANY), async (signer) => {
    const key = await signer.generate({
      use,
      algorithm,
      ...(label !== undefined && { label }),
      ...(name !== undefined && { name }),
    })
    if (given.on('json')) out.json(described(key))
    else if (key.note) out.line(`key ${key.id} for ${use}, ${algorithm}\n${key.note.verifierKey}`)
    else out.line(`key ${key.id} for ${use}, ${algorithm}; next: saadik keys csr ${key.id}`)
    return 0
  })
}

export const csr: Run = (given, out) => {
  const subject = readSubject(given.text('subject'))
  const dnsName = given.text('dns')
  return withSigner(targetOf(given, ANY), async (signer) => {
    const key = await findKey(signer, given.positionals[0] ?? '')
    const der = await signer.csr({ key: key.id, subject, ...(dnsName !== undefined && { dnsName }) })
    await writeOutput(given.text('output'), given.on('der') ? der : pem('CERTIFICATE REQUEST', der), out)
    return 0
  })
}

export const importCertificate: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const bytes = await readInput(file)
  const [der = bytes] = bytes.includes('-----BEGIN') ? unpem(bytes.toString('latin1'), 'CERTIFICATE') : [bytes]
  return withSigner(targetOf(given, ANY), async (signer) => {
    const key = await signer.importCertificate(der)
    if (given.on('json')) out.json(described(key))
    else out.line(`imported for key ${key.id} (${key.use})`)
    return 0
  })
}

export const unlock: Run = async (given, out) => {
  const [pin = ''] = await readPins([{ file: given.text('pin-file'), question: 'PIN: ' }])
  return withSigner(targetOf(given, ANY), async (signer) => {
    await signer.unlock(pin)
    out.line('unlocked')
    return 0
  })
}

export const changePin: Run = async (given, out) => {
  const [pin = '', newPin = ''] = await readPins([
    { file: given.text('pin-file'), question: 'PIN: ' },
    { file: given.text('new-pin-file'), question: 'New PIN: ', twice: true },
  ])
  return withSigner(targetOf(given, ANY), async (signer) => {
    await signer.changePin(pin, newPin)
    out.line('the PIN is changed; put the new one where the signer reads it when it starts')
    return 0
  })
}

function show(
  keys: readonly KeyInfo[],
  heads: ReadonlyMap<string, readonly SignedHead[]>,
  given: Arguments,
  out: Output,
): void {
  if (given.on('json')) {
    out.json({ keys: keys.map((key) => ({ ...described(key), ...(key.note && { signed: heads.get(key.id) ?? [] }) })) })
    return
  }
  if (keys.length === 0) out.note('there are no keys yet; make one: saadik keys generate --use message')
  for (const key of keys) {
    out.line(`${key.id}  ${key.use.padEnd(14)}  ${key.algorithm.padEnd(8)}  ${key.label ?? ''}`)
    if (key.note) {
      out.line(`    ${key.note.verifierKey}`)
      for (const { origin, size } of heads.get(key.id) ?? []) out.line(`    signed ${size} leaves of ${origin}`)
      continue
    }
    for (const { subject, notAfter } of certificatesOf(key)) out.line(`    ${subject}, until ${notAfter.slice(0, 10)}`)
    if (key.certificates.length === 0) out.line('    no certificate yet')
  }
}

function described(key: KeyInfo): object {
  const { id, use, algorithm, label, note, createdAt } = key
  return { id, use, algorithm, label: label ?? null, createdAt, ...note, certificates: certificatesOf(key) }
}

function certificatesOf(key: KeyInfo) {
  return key.certificates.map((base64) => {
    const { subject, issuer, serialNumber, sha256, notBefore, notAfter } = parseCertificate(
      Buffer.from(base64, 'base64'),
    )
    return {
      subject: subject.text,
      issuer: issuer.text,
      serialNumber: serialNumber.toString(16),
      sha256,
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
    }
  })
}

async function findKey(signer: SignerClient, id: string): Promise<KeyInfo> {
  const found = (await signer.keys()).filter((key) => id !== '' && key.id.startsWith(id))
  const [key] = found
  if (!key) throw new CliError('not_found', `no key has an id that begins with '${id}'; see: saadik keys list`)
  if (found.length > 1)
    throw new CliError('usage', `the ids of ${found.length} keys begin with '${id}'; give more of it`)
  return key
}

function readSubject(text: string | undefined): { oid: string; value: string }[] {
  if (text === undefined) throw new CliError('usage', "whose? --subject 'C=EE,O=Name,CN=Name,serialNumber=70000001'")
  // A comma inside a value is written \, as in RFC 4514.
  return text.split(/(?<!\\),/).map((pair) => {
    const [name = '', ...rest] = pair.split('=')
    const value = rest.join('=').trim().replace(/\\(.)/g, '$1')
    const key = name.trim()
    const oid = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : /^\d+(\.\d+)+$/.test(key) ? key : undefined
    if (oid === undefined || value === '') {
      const guess = nearest(key, Object.keys(ATTRIBUTES))
      throw new CliError(
        'usage',
        `'${pair.trim()}' is no attribute of a subject${guess && oid === undefined ? `, did you mean '${guess}=…'?` : ''}; known: ${Object.keys(ATTRIBUTES).join(', ')} or an OID`,
      )
    }
    return { oid, value }
  })
}
