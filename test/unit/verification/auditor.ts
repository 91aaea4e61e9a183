// What an auditor brings, made for the small country of the evidence tests: pinned lists, stored configurations, logs with witnesses.
import { type CommittedRecord, commitmentOf, encodeRecord, type RecordFacts, recordEntry, SALT_BYTES } from '#evidence'
import {
  type Anchor,
  type SharedParameters,
  writeAnchor,
  writePrivateParameters,
  writeSharedParameters,
  writeSignedDirectory,
} from '#protocol'
import {
  type Checkpoint,
  formatCheckpoint,
  formatLogProof,
  formatPolicy,
  inclusionProof,
  leafHash,
  quorumPolicy,
} from '#transparency'
import { digest, pem, signatureFor } from '#trust'
import type { Files } from '#verification'
import type { Country } from '../evidence/authority.ts'
import { type TestKey, testKey } from '../protocol/configuration/keys.ts'
import { privateSample, sharedSample } from '../protocol/configuration/sample.ts'
import { NaiveTree } from '../transparency/naive.ts'
import { type NoteSigner, noteSigner } from '../transparency/signers.ts'

export const BASIC = 'Basic'

export interface Validity {
  readonly from?: string
  readonly until?: string
}

/** A list that pins the country's authorities for these dates. */
export function pinnedDocument(country: Country, dates: Validity = {}, more: object = {}): object {
  const certificate = (holder: { readonly certificate: { readonly der: Uint8Array } }) =>
    pem('CERTIFICATE', holder.certificate.der)
  return {
    format: 'saadik pinned trust 1',
    authorities: [
      {
        instance: 'DEMO',
        certificate: certificate(country.ca),
        profile: BASIC,
        responders: [certificate(country.responder)],
        ...dates,
      },
    ],
    timestampAuthorities: [{ certificate: certificate(country.tsa), ...dates }],
    ...more,
  }
}

/** Shared parameters that say of whom the country consists. */
export function sharedOf(country: Country, more: Partial<SharedParameters> = {}): SharedParameters {
  return {
    ...sharedSample(6),
    instance: 'DEMO',
    servers: [],
    groups: [],
    members: [{ memberClass: 'GOV', memberCode: '70000001', name: 'Population Register', subsystems: [] }],
    authorities: [
      {
        name: 'Demo CA',
        authenticationOnly: false,
        top: {
          certificate: country.ca.certificate,
          ocsp: [{ url: 'http://ocsp', certificate: country.responder.certificate }],
        },
        intermediates: [],
        profile: 'ee.ria.xroad.common.certificateprofile.impl.BasicCertificateProfileInfoProvider',
      },
    ],
    tsas: [{ name: 'Demo TSA', url: 'http://tsa', certificate: country.tsa.certificate }],
    ...more,
  }
}

export function anchorOf(...keys: readonly TestKey[]): Uint8Array {
  const anchor: Anchor = {
    instance: 'DEMO',
    sources: [{ url: 'http://cs.example/internalconf', certificates: keys.map(({ certificate }) => certificate) }],
  }
  return writeAnchor(anchor)
}

export interface Generation {
  readonly key: TestKey
  readonly expiresAt: Date
  readonly shared: SharedParameters
}

/** Files of one generation, as a server keeps them below `.verified/`. */
export async function generationOf({ key, expiresAt, shared }: Generation): Promise<Map<string, Uint8Array>> {
  const { instance } = shared
  const documents = [
    ['SHARED-PARAMETERS', 'shared-params.xml', writeSharedParameters(shared, 6)],
    ['PRIVATE-PARAMETERS', 'private-params.xml', writePrivateParameters({ ...privateSample, instance, anchors: [] })],
  ] as const
  const directory = await writeSignedDirectory(
    {
      version: 6,
      expiresAt,
      parts: documents.map(([contentIdentifier, file, bytes]) => ({
        contentIdentifier,
        instance,
        location: `/V6/1/${file}`,
        bytes,
      })),
      certificate: key.certificate,
      algorithm: signatureFor(key.certificate.publicKey),
    },
    key.sign,
  )
  const hex = (bytes: Uint8Array) => Buffer.from(digest('SHA-256', bytes)).toString('hex')
  return new Map<string, Uint8Array>([
    [`${instance}/directory`, directory],
    ...documents.map(([, , bytes]) => [`${instance}/${hex(bytes)}.part`, bytes] as const),
  ])
}

/** The files below another folder. */
export function under(folder: string, files: Files): Map<string, Uint8Array> {
  return new Map([...files].map(([path, bytes]) => [`${folder}/${path}`, bytes]))
}

export const signingKey = (): TestKey => testKey('internalSigningKey')

/** A log with some entries, its key and its witnesses. */
export class TestLog {
  readonly log: NoteSigner = noteSigner('note', 'log.example/DEMO')
  readonly witnesses: readonly NoteSigner[] = [1, 2, 3].map((number) => noteSigner('cosignature', `w${number}.example`))

  /** As a policy file: this log, so many of its witnesses. */
  policy(quorum: number): string {
    const witnesses = this.witnesses.map(({ key }) => ({ name: key.name, key }))
    return formatPolicy(quorumPolicy([{ key: this.log.key }], witnesses, quorum)).toString('utf8')
  }

  /** A proof of the record, which stands among others, with signatures of the log and of so many witnesses. */
  async proof(record: CommittedRecord, options: ProofOptions = {}): Promise<Uint8Array> {
    const { index = 6, size = 13 } = options
    const encoded = encodeRecord(record)
    const leaves = Array.from({ length: size }, (_, at) =>
      leafHash(at === index ? entryOf(encoded) : Buffer.from(`entry ${at}`)),
    )
    return this.#proven(new NaiveTree(leaves), index, encoded, options)
  }

  /** Of several records that stand one behind the other, under one checkpoint. */
  async proofs(records: readonly CommittedRecord[], options: ProofOptions = {}): Promise<readonly Uint8Array[]> {
    const encoded = records.map((record) => encodeRecord(record))
    const tree = new NaiveTree(encoded.map((one) => leafHash(entryOf(one))))
    return Promise.all(encoded.map((one, index) => this.#proven(tree, index, one, options)))
  }

  async #proven(
    tree: NaiveTree,
    index: number,
    encoded: Uint8Array,
    { cosigners = 2, time = 1_936_000_000, mutate = (text: string) => text }: ProofOptions,
  ): Promise<Uint8Array> {
    const size = tree.leaves.length
    const checkpoint: Checkpoint = { origin: this.log.key.name, size, root: tree.root(0, size) }
    const signatures = [
      this.log.sign(checkpoint),
      ...this.witnesses.slice(0, cosigners).map((witness) => witness.sign(checkpoint, time)),
    ]
    const proof = formatLogProof({
      index,
      extra: Buffer.concat([SALT, encoded]),
      proof: await inclusionProof(index, size, tree.reader),
      note: { text: formatCheckpoint(checkpoint), signatures },
    })
    return Buffer.from(mutate(proof.toString('latin1')), 'latin1')
  }
}

const SALT = Buffer.alloc(SALT_BYTES, 7)
const entryOf = (encoded: Uint8Array) => recordEntry(commitmentOf(SALT, encoded))

export interface ProofOptions {
  readonly cosigners?: number
  /** Of the cosignatures, in seconds. */
  readonly time?: number
  readonly index?: number
  readonly size?: number
  readonly mutate?: (text: string) => string
}

/** The record that a log would have committed to for this container. */
export function recordOf(facts: RecordFacts, more: Partial<CommittedRecord> = {}): CommittedRecord {
  const [signatureDigest] = facts.signatureDigests.toReversed()
  if (signatureDigest === undefined || facts.headDigest === undefined) throw new TypeError('nothing to commit to')
  return {
    seq: 42,
    at: facts.stampedAt?.getTime() ?? 0,
    side: facts.direction === 'request' ? 'consumer' : 'provider',
    direction: facts.direction,
    queryId: facts.queryId,
    requestId: 'a-request',
    member: facts.signer,
    headDigest: facts.headDigest,
    signatureDigest,
    chainDigest: facts.chainDigest,
    chainResultDigest: facts.chainResultDigest,
    bodyDigest: facts.bodyDigest ?? null,
    bodySize: facts.bodySize ?? null,
    ...more,
  }
}
