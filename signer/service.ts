// The operations of the socket. Each is read strictly, judged by the policy, done, and written to the audit trail before it is
// answered (a message signature: together with others, shortly after).
import { z } from 'zod'
import { type Clock, schemaFaults, withoutUndefined } from '#host'
import { decodeBase64, encodeBase64, signatureNamed } from '#trust'
import { type AuditTrail, auditDigest } from './audit.ts'
import { type CertificateStore, keyOfCertificate } from './certificates.ts'
import { checkpointSigner, noteIdentity } from './checkpoints.ts'
import { KEY_ALGORITHMS, KEY_USES, type KeyInfo, NOTE_KEY_ALGORITHMS } from './contract.ts'
import { SignerError } from './error.ts'
import { readPkcs8, readPkcs12 } from './key-import.ts'
import { checkNewKey, checkPolicy, checkTlsRelease, isNoteUse, isPurpose } from './policy.ts'
import { requestFor, selfSigned } from './requests.ts'
import type { SignedHeads } from './signed-heads.ts'
import type { Token, TokenKey } from './tokens/token.ts'
import type { Unlocker } from './unlock.ts'
import type { Request } from './wire.ts'

/** What belongs to one connection: which TLS keys it was given. */
export interface Session {
  readonly released: Set<string>
}

export interface Service {
  /** The answer, or a promise of it where it takes time. Throws SignerError, at once or by the promise. */
  handle(request: Request, session: Session): unknown
}

export interface ServiceParts {
  readonly version: string
  readonly token: Token
  readonly certificates: CertificateStore
  readonly heads: SignedHeads
  readonly audit: AuditTrail
  readonly unlocker: Unlocker
  readonly clock: Clock
}

/** More than any tree needs. */
const MAX_PROOF_HASHES = 63

const KEY_ID = /^[0-9a-f]{32}$/
const key = z.string().regex(KEY_ID)
const use = z.enum(KEY_USES)
const label = z.string().min(1).max(100).optional()
const text = z.string().min(1).max(256)
const dnsName = z.string().regex(/^[A-Za-z0-9*]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/)
const bytes = z.string().transform((value, context) => {
  const decoded = decodeBase64(value)
  if (decoded !== undefined && decoded.length > 0) return decoded
  context.addIssue('must be base64')
  return z.NEVER
})

const schemas = {
  unlock: z.strictObject({ pin: z.string().min(1).max(1024) }),
  changePin: z.strictObject({ pin: z.string().min(1).max(1024), newPin: z.string().min(1).max(1024) }),
  generate: z.strictObject({
    use,
    algorithm: z.enum([...KEY_ALGORITHMS, ...NOTE_KEY_ALGORITHMS]),
    label,
    name: z.string().max(255).optional(),
  }),
  importKey: z
    .strictObject({
      use,
      label,
      pkcs8: bytes.optional(),
      pkcs12: bytes.optional(),
      password: z.string().max(1024).optional(),
    })
    .refine(({ pkcs8, pkcs12 }) => (pkcs8 === undefined) !== (pkcs12 === undefined), 'exactly one of pkcs8 and pkcs12'),
  csr: z.strictObject({
    key,
    subject: z
      .array(z.strictObject({ oid: z.string().regex(/^[0-2](\.\d{1,10}){1,20}$/), value: text }))
      .min(1)
      .max(20),
    dnsName: dnsName.optional(),
  }),
  selfSign: z.strictObject({
    key,
    commonName: z.string().min(1).max(64),
    subjectAlternativeNames: z
      .strictObject({ dns: z.array(dnsName).max(20).optional(), ip: z.array(z.ipv4()).max(20).optional() })
      .optional(),
  }),
  importCertificate: z.strictObject({ certificate: bytes }),
  signCheckpoint: z.strictObject({
    key,
    checkpoint: bytes,
    oldSize: z.int().min(0),
    proof: z.array(bytes).max(MAX_PROOF_HASHES),
  }),
  signedHeads: z.strictObject({ key }),
  releaseTlsKey: z.strictObject({ key }),
  audit: z.strictObject({ after: z.int().min(0).default(0), limit: z.int().min(1).max(1000).default(100) }),
  nothing: z.strictObject({}),
}

function read<S extends z.ZodType>(schema: S, { id: _id, op: _op, ...fields }: Request): z.infer<S> {
  const judged = schema.safeParse(fields)
  if (judged.success) return judged.data
  throw new SignerError('bad_request', schemaFaults(judged.error.issues, 'request').join('; '))
}

export function createService(parts: ServiceParts): Service {
  const { version, token, certificates, heads, audit, unlocker, clock } = parts
  const checkpoints = checkpointSigner(token, heads, clock)
  const known = (id: string): TokenKey => {
    const found = token.key(id)
    if (found === undefined) throw new SignerError('unknown_key', `there is no key ${id}`)
    return found
  }
  const info = (of: TokenKey): KeyInfo => {
    const { name: _, ...facts } = of
    const note = noteIdentity(of)
    return {
      ...facts,
      ...(note === undefined ? {} : { note }),
      spki: encodeBase64(of.spki),
      certificates: certificates.of(of).map(encodeBase64),
    }
  }

  /** Does `work` and audits how it ended; the line is on the disk before the answer. `about` may be filled in on the way. */
  async function audited<T>(
    op: string,
    about: { key?: string; purpose?: string; digest?: string },
    work: () => T | Promise<T>,
  ): Promise<T> {
    // With a disk that does not take the trail nothing is done at all.
    if (audit.failing) await audit.flush()
    try {
      const result = await work()
      audit.record({ op, ...about, outcome: 'ok' })
      await audit.flush()
      return result
    } catch (error) {
      if (audit.failing) throw error
      audit.record({ op, ...about, outcome: codeOf(error) })
      // A wrong PIN must be on the disk as well; if it cannot be, the refusal stands all the same.
      await audit.flush().catch(() => undefined)
      throw error
    }
  }

  /** By hand instead of by schema: two of these per exchange. */
  function sign(request: Request): unknown {
    const { key: id, purpose, algorithm: name, data: base64, id: _id, op: _op, ...rest } = request
    if (
      typeof id !== 'string' ||
      !KEY_ID.test(id) ||
      !isPurpose(purpose) ||
      typeof name !== 'string' ||
      typeof base64 !== 'string' ||
      Object.keys(rest).length > 0
    ) {
      throw new SignerError('bad_request', 'sign takes key, purpose, algorithm and data')
    }
    const data = Buffer.from(base64, 'base64')
    const about = { key: id, purpose, digest: auditDigest(data) }
    const signature = (): Uint8Array | Promise<Uint8Array> => {
      const algorithm = signatureNamed(name)
      if (algorithm === undefined)
        throw new SignerError('unsupported_algorithm', `${name} is no algorithm of this signer`)
      checkPolicy(known(id).use, purpose, algorithm, data)
      return token.sign(id, algorithm, data)
    }
    if (purpose !== 'message' || audit.failing) return audited('sign', about, signature).then(encodeBase64)
    const note = (outcome: string) => audit.record({ op: 'sign', ...about, outcome })
    try {
      const made = signature()
      if (made instanceof Promise) return made.then(done, failed)
      return done(made)
    } catch (error) {
      return failed(error)
    }
    function done(made: Uint8Array): string {
      note('ok')
      return encodeBase64(made)
    }
    function failed(error: unknown): never {
      note(codeOf(error))
      throw error
    }
  }

  const operations: Readonly<Record<string, (request: Request, session: Session) => unknown>> = {
    sign,
    status(request) {
      read(schemas.nothing, request)
      return { version, unlocked: token.unlocked, keys: token.keys().length }
    },
    keys(request) {
      read(schemas.nothing, request)
      return token.keys().map(info)
    },
    unlock(request) {
      const pin = Buffer.from(read(schemas.unlock, request).pin)
      return audited('unlock', {}, () => unlocker.unlock(pin)).finally(() => pin.fill(0))
    },
    changePin(request) {
      const given = read(schemas.changePin, request)
      const [pin, newPin] = [Buffer.from(given.pin), Buffer.from(given.newPin)]
      return audited('changePin', {}, () => unlocker.changePin(pin, newPin)).finally(() => {
        pin.fill(0)
        newPin.fill(0)
      })
    },
    generate(request) {
      const { algorithm, ...facts } = read(schemas.generate, request)
      const about: { key?: string } = {}
      return audited('generate', about, async () => {
        checkNewKey(facts.use, algorithm, facts.name)
        const memory = isNoteUse(facts.use) ? heads.begin : undefined
        const made = await token.generate(withoutUndefined(facts), algorithm, memory)
        about.key = made.id
        return info(made)
      })
    },
    importKey(request) {
      const { pkcs8, pkcs12, password, ...facts } = read(schemas.importKey, request)
      const about: { key?: string } = {}
      return audited('importKey', about, async () => {
        // Elsewhere it would have signed what is not remembered here.
        if (isNoteUse(facts.use)) throw new SignerError('policy', `a key for ${facts.use} is made where it stays`)
        const imported =
          pkcs8 === undefined ? await readPkcs12(pkcs12 ?? new Uint8Array(), password) : readPkcs8(pkcs8, password)
        const kept = await token.importKey(withoutUndefined(facts), imported.key)
        about.key = kept.id
        // Of a container's certificates only those about this key; a chain is built from the global configuration.
        for (const der of imported.certificates) if (isAbout(token, der, kept)) await certificates.add(kept, der)
        return info(kept)
      })
    },
    csr(request) {
      const input = withoutUndefined(read(schemas.csr, request))
      const about: { key: string; digest?: string } = { key: input.key }
      return audited('csr', about, async () => {
        const der = await requestFor(token, known(input.key), input)
        about.digest = auditDigest(der)
        return encodeBase64(der)
      })
    },
    selfSign(request) {
      const { subjectAlternativeNames: names, ...input } = read(schemas.selfSign, request)
      const about: { key: string; digest?: string } = { key: input.key }
      return audited('selfSign', about, async () => {
        const of = known(input.key)
        const alternative = names === undefined ? {} : { subjectAlternativeNames: withoutUndefined(names) }
        const der = await selfSigned(token, of, { ...input, ...alternative }, clock.now())
        about.digest = auditDigest(der)
        await certificates.add(of, der)
        return encodeBase64(der)
      })
    },
    importCertificate(request) {
      const { certificate } = read(schemas.importCertificate, request)
      const about: { key?: string; digest: string } = { digest: auditDigest(certificate) }
      return audited('importCertificate', about, async () => {
        const of = keyOfCertificate(token, certificate)
        about.key = of.id
        await certificates.add(of, certificate)
        return info(of)
      })
    },
    signCheckpoint(request) {
      const { key: id, ...input } = read(schemas.signCheckpoint, request)
      const about = { key: id, purpose: 'checkpoint', digest: auditDigest(input.checkpoint) }
      return audited('signCheckpoint', about, () => checkpoints.sign(known(id), input))
    },
    signedHeads(request) {
      return heads.of(known(read(schemas.signedHeads, request).key).id)
    },
    releaseTlsKey(request, session) {
      const { key: id } = read(schemas.releaseTlsKey, request)
      return audited('releaseTlsKey', { key: id }, () => {
        checkTlsRelease(known(id).use)
        const pem = token.exportKey(id)
        // The holder keeps it; whoever asks twice lost it, or is not the one who asked first.
        if (session.released.has(id))
          throw new SignerError('policy', 'the TLS key was already released to this connection')
        session.released.add(id)
        return pem
      })
    },
    audit(request) {
      const { after, limit } = read(schemas.audit, request)
      return audit.read(after, limit)
    },
  }

  return {
    handle(request, session) {
      const operation = Object.hasOwn(operations, request.op) ? operations[request.op] : undefined
      if (operation === undefined) throw new SignerError('bad_request', 'there is no such operation')
      return operation(request, session)
    },
  }
}

function codeOf(error: unknown): string {
  return error instanceof SignerError ? error.code : 'internal_error'
}

function isAbout(token: Token, der: Uint8Array, key: TokenKey): boolean {
  try {
    return keyOfCertificate(token, der).id === key.id
  } catch {
    return false
  }
}
