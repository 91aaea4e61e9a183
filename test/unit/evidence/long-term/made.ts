// Containers that last, made with a small country's authorities at whatever time a test says.
import {
  type Authorities,
  buildTree,
  exportConforming,
  hashesToRenew,
  readZip,
  type Survey,
  surveyContainer,
  writeRenewed,
  writeZip,
} from '#evidence'
import type { TrustMaterial } from '#protocol'
import { type DigestName, digest } from '#trust'
import { type Country, type Holder, NOW } from '../authority.ts'
import { collect, once } from '../messages.ts'

const DAY = 24 * 3600_000

export function daysLater(days: number): Date {
  return new Date(NOW.getTime() + days * DAY)
}

/** The country's authorities; each answer is a second younger than the one before. */
export function authoritiesAt(country: Country, start: Date, by: Holder = country.tsa): Authorities {
  let at = start.getTime()
  const next = () => {
    at += 1000
    return new Date(at)
  }
  return {
    async stamp(name, imprint) {
      const genTime = next()
      return { token: await country.stamp(imprint, { genTime, digest: name, by }), genTime, tsa: by.certificate }
    },
    ocsp: (certificate) => country.ocsp(certificate, { thisUpdate: next(), status: 'good' }),
  }
}

export interface Making {
  readonly at?: Date
  readonly digest?: DigestName
  readonly trust?: TrustMaterial
  readonly authorities?: Partial<Authorities>
}

export async function conforming(country: Country, container: Uint8Array, making: Making = {}): Promise<Buffer> {
  const { at = daysLater(1), digest: name = 'SHA-512', trust = country.trust } = making
  const authorities = { ...authoritiesAt(country, at), ...making.authorities }
  return collect(
    await exportConforming({ open: () => once(container), trust, digest: name, authorities, createdAt: at }),
  )
}

export function surveyed(bytes: Uint8Array, trust: TrustMaterial): Promise<Survey> {
  return surveyContainer(() => once(bytes), trust)
}

export interface Renewing extends Making {
  readonly by?: Holder
  readonly neighbours?: number
  /** Where it is made although what it renews has ended: without a clock that says so. */
  readonly late?: boolean
}

/** Renewed beside others under the same time-stamp, as many as `neighbours` says. */
export async function renewed(country: Country, bytes: Uint8Array, renewing: Renewing): Promise<Buffer> {
  const { at = daysLater(1), by, trust = country.trust, neighbours = 2, late = false } = renewing
  const { digest: name = 'SHA-512' } = renewing
  const survey = await surveyed(bytes, trust)
  const others = Array.from({ length: neighbours }, (_, index) => [digest(name, Buffer.from(`neighbour ${index}`))])
  const { root, reduced } = buildTree(name, [await hashesToRenew(survey, name, late ? NOW : at), ...others])
  const { token } = await authoritiesAt(country, at, by).stamp(name, root)
  return collect(writeRenewed(() => once(bytes), survey, { digest: name, tree: reduced[0] ?? [], token }))
}

export async function unpacked(bytes: Uint8Array): Promise<Map<string, Buffer>> {
  const entries = new Map<string, Buffer>()
  for await (const { name, body } of readZip(once(bytes))) entries.set(name, await collect(body))
  return entries
}

/** The container with entries changed, added or (undefined) taken away. */
export async function repacked(
  bytes: Uint8Array,
  changes: Record<string, Uint8Array | string | undefined>,
): Promise<Buffer> {
  const entries = await unpacked(bytes)
  for (const [name, body] of Object.entries(changes)) {
    if (body === undefined) entries.delete(name)
    else entries.set(name, Buffer.from(body))
  }
  return collect(
    writeZip([...entries].map(([name, body]) => ({ name, body, modifiedAt: NOW, compress: name !== 'mimetype' }))),
  )
}
