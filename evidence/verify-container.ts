// A container judged offline, with trust as an argument and the time-stamp as the clock: all checks are made and all failures told
// (wire-message §10.2, and stricter: docs/divergences.md).
import { shortId, type TrustMaterial } from '#protocol'
import { type DigestName, digest, equalBytes, parseTimestampToken, TrustError, verifyTimestampToken } from '#trust'
import { type ReadContainer, type ReadOptions, readContainer } from './container.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { EvidenceError } from './error.ts'
import { castSignature, learn } from './moulds.ts'
import { type Parties, partiesOf } from './parties.ts'
import { proven, provenKey, remember } from './proven.ts'
import { CHECKS, type Check, concluded, type Report, verdictOf } from './report.ts'
import { type ReadSignature, readSignature, type SignatureFacts } from './signature-reader.ts'
import { SIGNATURES_ENTRY, TS_HASH_CHAIN } from './timestamp.ts'
import { NOBODY, type TrustAt, type TrustOverTime, trustAt } from './trust-over-time.ts'
import { type AbsentData, type ChainData, verifyHashChain } from './verify-hash-chain.ts'
import { verifyCertificateUse, verifySigner, verifyTrust, verifyValue } from './verify-signature.ts'

/** Judges a container as it streams by. Never throws for what is wrong with it, only for what is wrong with its source. */
export async function verifyContainer(
  source: AsyncIterable<Uint8Array>,
  trust: TrustMaterial | TrustOverTime,
  options?: ReadOptions,
): Promise<Report> {
  return (await examineContainer(source, trust, options)).report
}

/** A container's report, and what other judges (of a log's proof, with a second opinion) go on from. */
export interface Examined {
  readonly report: Report
  /** Undefined when it is no container. */
  readonly container?: ReadContainer
  readonly parties?: Parties
  /** What the signature is over; undefined when it is not known to be over this message and nothing else. */
  readonly coverage?: Coverage
  /** Signed parts that are not here; empty unless the signature proves what they are. */
  readonly absent: readonly AbsentData[]
}

/** As {@link verifyContainer}. */
export async function examineContainer(
  source: AsyncIterable<Uint8Array>,
  trust: TrustMaterial | TrustOverTime,
  options?: ReadOptions,
): Promise<Examined> {
  let container: ReadContainer
  try {
    container = await readContainer(source, options)
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error
    const checks = [{ name: CHECKS.container, ok: false, code: error.code, detail: error.message }]
    return { report: { verdict: 'unreadable', ...concluded(checks), checks }, absent: [] }
  }
  return new Judge(container, trust).examine()
}

type Draft = { -readonly [K in keyof Report]?: Report[K] }

/** A signature that was read; `unproven` unless its value, certificate and properties were verified with another message of its round. */
interface Read {
  readonly facts: SignatureFacts
  readonly unproven: ReadSignature | undefined
}

class Judge {
  readonly #container: ReadContainer
  readonly #dated: TrustMaterial | TrustOverTime
  readonly #checks: Check[] = [{ name: CHECKS.container, ok: true }]
  readonly #draft: Draft = {}
  #believed: TrustAt = { trust: NOBODY, sources: [] }
  #absent: readonly AbsentData[] = []

  constructor(container: ReadContainer, trust: TrustMaterial | TrustOverTime) {
    this.#container = container
    this.#dated = trust
  }

  examine(): Examined {
    const read = this.#check(CHECKS.structure, () => this.#read())
    const parties = this.#check(CHECKS.message, () => partiesOf(this.#container.message))
    const coverage = read && this.#check(CHECKS.coverage, () => this.#coverage(read))
    if (read !== undefined) this.#judge(read, coverage, parties)
    if (parties !== undefined) this.#describe(parties, coverage)
    const proves = this.#provesDigests()
    if (proves && this.#absent.length > 0) this.#draft.provenDigests = this.#absent.map(provenDigest)
    const indication = concluded(this.#checks)
    const verdict = verdictOf(indication, this.#checks)
    if (verdict === 'valid' && read !== undefined) this.#learn(read, coverage)
    return {
      report: { verdict, ...indication, ...this.#draft, checks: this.#checks },
      container: this.#container,
      ...(parties && { parties }),
      ...(coverage && { coverage }),
      absent: proves ? this.#absent : [],
    }
  }

  /** A batch signature stands in a container for each message of its round. */
  #read(): Read {
    const { signature: xml, chain } = this.#container
    const known = chain === undefined ? undefined : proven(provenKey(xml))
    if (known !== undefined) return { facts: known, unproven: undefined }
    const signature = castSignature(xml) ?? readSignature(xml)
    return { facts: signature, unproven: signature }
  }

  /** For the next container of this signer, or of this signature. A token inside differs in each, and no mould would fit. */
  #learn({ facts, unproven }: Read, coverage: Coverage | undefined): void {
    const { signature: xml } = this.#container
    if (unproven === undefined) return
    if (coverage?.form === 'batch') remember(provenKey(xml), facts, xml.length)
    else if (facts.timestamp === undefined && castSignature(xml) === undefined) learn(xml, unproven)
  }

  #judge({ facts, unproven }: Read, coverage: Coverage | undefined, parties: Parties | undefined): void {
    const { certificate, signingTime } = facts
    if (signingTime !== undefined) this.#draft.signedAt = signingTime.toISOString()
    this.#draft.certificate = {
      subject: certificate.subject.text,
      issuer: certificate.issuer.text,
      serialNumber: `${certificate.serialNumber}`,
      notBefore: certificate.notBefore.toISOString(),
      notAfter: certificate.notAfter.toISOString(),
    }
    const stamped = this.#stamped(facts)
    const { trust } = this.#believed
    const { verifyChain, withheld = [] } = coverage ?? {}
    this.#absent = verifyChain ? (this.#check(CHECKS.chain, verifyChain) ?? []) : withheld
    this.#check(CHECKS.certificate, () => unproven && verifyCertificateUse(unproven))
    if (parties) this.#check(CHECKS.signer, () => verifySigner(facts, parties.signer, trust))
    this.#check(CHECKS.value, () => unproven && verifyValue(unproven))
    for (const { uri, verify } of coverage?.references ?? []) this.#check(`${CHECKS.digest} ${uri}`, verify)
    if (parties) this.#check(CHECKS.attachments, () => this.#attachments(parties))
    if (this.#container.withheld.length > 0) this.#check(CHECKS.withheld, () => this.#withheld())
    // Without a proven time nothing can be said of the certificate's state then (EN 319 102-1 §5.6).
    if (parties && stamped) this.#check(CHECKS.path, () => this.#path(facts, parties, stamped))
  }

  #check<T>(name: string, run: () => T): T | undefined {
    try {
      const value = run()
      this.#checks.push({ name, ok: true })
      return value
    } catch (error) {
      if (!(error instanceof EvidenceError)) throw error
      this.#checks.push({ name, ok: false, code: error.code, detail: error.message })
      return undefined
    }
  }

  /** Everything that the container brings must be signed. */
  #coverage({ facts, unproven }: Read): Coverage {
    const { attachments, chain, chainResult, message } = this.#container
    const withheld = this.#container.withheld.map(({ name }) => `/${name}`)
    const parts: ChainData[] = [{ name: MESSAGE, digest: (algorithm) => digest(algorithm, message) }]
    for (const [name, { digests }] of attachments)
      parts.push({ name: `/${name}`, digest: (algorithm) => digests.get(algorithm) })
    const covered = { parts: parts.filter(({ name }) => !withheld.includes(name)), withheld, chain, chainResult }
    // SOAP attachments of batch-signed messages are never logged (§8.1): the chain's own digests stand for what is not here.
    return coverageOf(facts, { ...covered, mayBeAbsent: () => true }, unproven?.signedProperties ?? 'proven')
  }

  /** The time that the token says decides who is believed; those then decide whether the token is. */
  #stamped({ signingTime, value, timestamp, timestampOver }: SignatureFacts): Date | undefined {
    const bytes = this.#container.timestampToken ?? timestamp
    const token = bytes === undefined ? undefined : readToken(bytes)
    const claimed = token === undefined || token instanceof EvidenceError ? signingTime : token.genTime
    this.#check(CHECKS.trust, () => this.#believe(claimed ?? new Date(0)))
    return this.#check(CHECKS.timestamp, () => this.#timestamp(token, timestampOver ?? value))
  }

  #believe(time: Date): void {
    const believed = trustAt(this.#dated, time)
    if (believed === undefined)
      throw new EvidenceError('nobody_believed', `Nothing that was given says whom to believe on ${time.toISOString()}`)
    this.#believed = believed
    if (believed.sources.length > 0) this.#draft.believed = believed.sources
  }

  /** wire-message §7.5. The genTime is the time at which everything else is judged. */
  #timestamp(token: TimestampToken | EvidenceError | undefined, single: Uint8Array): Date {
    if (token === undefined) throw new EvidenceError('asic_timestamp_not_found', 'The container has no time-stamp')
    const { timestampResult, timestampChain } = this.#container
    let stamped = single
    if (timestampResult !== undefined && timestampChain !== undefined) {
      this.#timestampChain(timestampResult, timestampChain)
      stamped = timestampResult
    }
    if (token instanceof EvidenceError) throw token
    if (!equalBytes(digest(token.digest, stamped), token.imprint))
      throw new EvidenceError('malformed_signature', 'The time-stamp is over other data')
    try {
      const approved = this.#believed.trust.tsas.map(({ certificate }) => certificate)
      const { genTime, tsa } = verifyTimestampToken(token, approved)
      this.#draft.timestamp = { genTime: genTime.toISOString(), authority: tsa.subject.text }
      return genTime
    } catch (cause) {
      throw notBelieved(cause)
    }
  }

  #timestampChain(result: Uint8Array, chain: Uint8Array): void {
    const { signature } = this.#container
    const data = { name: SIGNATURES_ENTRY, digest: (algorithm: DigestName) => digest(algorithm, signature) }
    try {
      verifyHashChain({ result, chain, file: TS_HASH_CHAIN, inputs: [data] })
    } catch (cause) {
      throw new EvidenceError('malformed_signature', `Time-stamp: ${(cause as Error).message}`, { cause })
    }
  }

  /** A REST body belongs to its head; attachments of SOAP messages may be kept elsewhere. */
  #attachments({ protocol }: Parties): void {
    const withheld = new Set(this.#container.withheld.map(({ name }) => `/${name}`))
    const missing = this.#absent.map(({ uri }) => uri).filter((uri) => !withheld.has(uri))
    if (protocol === 'REST' && missing.length > 0)
      throw new EvidenceError(
        'asic_attachment_not_found',
        `The signature covers ${missing.join(', ')}, which is not in the container`,
      )
  }

  #withheld(): never {
    const names = this.#container.withheld.map(({ name }) => name)
    const reduced = names.includes('message.xml') ? '; message.xml is a reduced form that nobody signed' : ''
    throw new EvidenceError('asic_withheld', `Not in the container: ${names.join(', ')}${reduced}`)
  }

  #path(signature: SignatureFacts, parties: Parties, at: Date): void {
    const { trust } = this.#believed
    const { responder, producedAt, thisUpdate } = verifyTrust(signature, parties.signer.instance, trust, at)
    this.#draft.ocsp = {
      responder: responder.subject.text,
      producedAt: producedAt.toISOString(),
      thisUpdate: thisUpdate.toISOString(),
    }
  }

  /** The digests of what is not here are the signature's own word: so they are as good as its value and the chain that leads to them. */
  #provesDigests(): boolean {
    const matters = (name: string) =>
      name === CHECKS.coverage || name === CHECKS.chain || name === CHECKS.value || name.startsWith(CHECKS.digest)
    return this.#checks.every(({ name, ok }) => ok || !matters(name))
  }

  #describe({ protocol, direction, signer, id }: Parties, coverage: Coverage | undefined): void {
    const { attachments, others, chain, chainResult, withheld } = this.#container
    const unsigned = [...others]
    if (withheld.some(({ name }) => name === 'message.xml')) unsigned.push('message.xml')
    if (coverage?.form !== 'batch' && chain !== undefined && chainResult !== undefined)
      unsigned.push('sig-hashchainresult.xml', 'sig-hashchain.xml')
    this.#draft.signer = shortId(signer)
    const name = this.#believed.memberName?.(signer)
    if (name !== undefined) this.#draft.signerName = name
    this.#draft.message = {
      protocol,
      direction,
      id,
      attachments: [...attachments.keys()],
      absent: this.#absent.map(({ uri }) => uri.replace(/^\//, '')),
      unsigned,
    }
  }
}

const MESSAGE = '/message.xml'

type TimestampToken = ReturnType<typeof parseTimestampToken>

function readToken(bytes: Uint8Array): TimestampToken | EvidenceError {
  try {
    return parseTimestampToken(bytes)
  } catch (cause) {
    return notBelieved(cause)
  }
}

function notBelieved(cause: unknown): EvidenceError {
  if (!(cause instanceof TrustError)) throw cause
  return new EvidenceError('timestamp_invalid', cause.message, { cause })
}

function provenDigest({ uri, name, value }: AbsentData) {
  return { name: uri.replace(/^\//, ''), algorithm: name, value: Buffer.from(value).toString('hex') }
}
