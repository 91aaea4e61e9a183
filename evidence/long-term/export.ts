// A container of the log's layout as a conforming one (ETSI EN 319 162-1): judged first, its signature made XAdES B-LTA, its files named as
// the signature names them.
import type { TrustMaterial } from '#protocol'
import type { DigestName } from '#trust'
import type { ReadContainer } from '../container.ts'
import type { SignatureForm } from '../coverage.ts'
import { type TrustOverTime, trustAt } from '../trust-over-time.ts'
import { examineContainer } from '../verify-container.ts'
import { type ConformingContainer, writeConforming } from './conforming-container.ts'
import { Contents, type Source, unchanged } from './contents.ts'
import { LongTermError } from './error.ts'
import { type Authorities, upgradeSignature } from './upgrade.ts'

export interface Export {
  readonly open: Source
  /** The container is judged by whom to believe then; the new time-stamps by whom to believe when it is made. */
  readonly trust: TrustMaterial | TrustOverTime
  readonly digest: DigestName
  readonly authorities: Authorities
  readonly createdAt: Date
}

/**
 * The octets of the conforming container, as they go out; everything that can be refused is refused before the first of them.
 *
 * @throws LongTermError `not_believed` when the container is not TOTAL-PASSED, and what upgradeSignature throws.
 */
export async function exportConforming(input: Export): Promise<AsyncIterable<Uint8Array>> {
  const { open, createdAt } = input
  const { report, container, parties, coverage } = await examineContainer(open(), input.trust)
  if (report.indication !== 'TOTAL-PASSED' || !container || !parties || !coverage) {
    const failed = report.checks.find(({ ok }) => !ok)
    const why = failed === undefined ? '' : `: ${failed.name}: ${failed.detail ?? failed.code ?? ''}`
    throw new LongTermError(
      'not_believed',
      `The container is ${[report.indication, report.subIndication].filter(Boolean).join(', ')}${why}`,
    )
  }
  const trust = trustAt(input.trust, createdAt)?.trust
  if (trust === undefined)
    throw new LongTermError('not_believed', `Nothing that was given says whom to believe on ${createdAt.toISOString()}`)
  const dataObjects = dataObjectsOf(container, coverage.form, await Contents.read(open))
  const bodies = new Map(dataObjects.map(({ name, body }) => [`/${name}`, body]))
  const signature = await upgradeSignature({
    signature: container.signature,
    instance: parties.signer.instance,
    trust,
    digest: input.digest,
    authorities: input.authorities,
    async *data(uri) {
      const body = bodies.get(uri)
      if (body === undefined)
        throw new LongTermError('not_conforming', `The signature is over ${uri}, which is not here`)
      if (typeof body === 'function') yield* body()
      else yield body
    },
  })
  return writeConforming({ createdAt, signature, dataObjects, original: originalOf(container) })
}

type DataObject = ConformingContainer['dataObjects'][number]

/** What is signed first: it is all that a validator looks at that does not know hash chains. */
function dataObjectsOf(container: ReadContainer, form: SignatureForm, contents: Contents): readonly DataObject[] {
  const { chainResult, chain, message, attachments } = container
  return [
    ...(chainResult && chain && form === 'batch'
      ? [
          { name: 'sig-hashchainresult.xml', body: chainResult },
          { name: 'sig-hashchain.xml', body: chain },
        ]
      : []),
    { name: 'message.xml', body: message },
    ...[...attachments].map(([name, { size, digests }]) => ({
      name,
      size,
      body: () => unchanged(name, contents.body(name), 'SHA-512', digests.get('SHA-512')),
    })),
  ]
}

function originalOf(container: ReadContainer): ConformingContainer['original'] {
  const { signature, timestampToken: token, timestampResult: result, timestampChain: chain } = container
  return token === undefined || result === undefined || chain === undefined
    ? { signature }
    : { signature, timestamp: { token, result, chain } }
}
