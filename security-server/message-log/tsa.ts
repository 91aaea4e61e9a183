// One time-stamp from whichever authority gives it first (wire-message §7.2, §7.4).
import type { GlobalConfiguration } from '#global-configuration'
import { httpPost } from '#host'
import {
  buildTimestampRequest,
  equalBytes,
  parseTimestampResponse,
  parseTimestampToken,
  verifyTimestampToken,
  withTsaCertificate,
} from '#trust'
import { LogError } from './error.ts'
import { IMPRINT_DIGEST } from './round.ts'

const TIMEOUT_MS = 60_000
/** A token with its certificates is a few KiB. */
const MAX_RESPONSE_BYTES = 256 * 1024

export interface ObtainedTimestamp {
  /** DER, the authority's certificate first. */
  readonly token: Uint8Array
  readonly at: Date
}

/** Throws LogError `no_timestamping_provider` where nobody could be asked. */
export function timestampingAuthorities(
  configuration: GlobalConfiguration | undefined,
): GlobalConfiguration['shared']['tsas'] {
  if (configuration === undefined)
    throw new LogError(
      'no_timestamping_provider',
      'There is no global configuration yet, so no time-stamping authority is known',
    )
  const { tsas } = configuration.shared
  if (tsas.length === 0)
    throw new LogError('no_timestamping_provider', 'The global configuration names no time-stamping authority')
  return tsas
}

/**
 * Asks the authorities of the own instance in the configuration's order, each once, and takes the first token that
 * stands: granted, over this imprint, signed by an authority that the configuration trusts (of any instance: X-Road does
 * not tie a certificate to an address). Throws LogError `timestamping_failed` with each one's reason.
 */
export async function obtainTimestamp(
  imprint: Uint8Array,
  configuration: GlobalConfiguration | undefined,
): Promise<ObtainedTimestamp> {
  const authorities = timestampingAuthorities(configuration)
  const trusted = (configuration as GlobalConfiguration).trust.tsas.map((tsa) => tsa.certificate)
  const request = buildTimestampRequest({ digest: IMPRINT_DIGEST, imprint })
  const reasons: string[] = []
  for (const { name, url } of authorities) {
    try {
      const token = parseTimestampToken(await ask(url, request))
      if (token.digest !== IMPRINT_DIGEST || !equalBytes(token.imprint, imprint))
        throw new Error('the time-stamp is for something else')
      const { genTime, tsa } = verifyTimestampToken(token, trusted)
      return { token: withTsaCertificate(token, tsa), at: genTime }
    } catch (error) {
      reasons.push(`${name} (${url}): ${(error as Error).message}`)
    }
  }
  throw new LogError('timestamping_failed', `No time-stamping authority gave a time-stamp: ${reasons.join('; ')}`)
}

async function ask(url: string, request: Uint8Array): Promise<Uint8Array> {
  const reply = await httpPost(url, request, {
    contentType: 'application/timestamp-query',
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_RESPONSE_BYTES,
  })
  if (reply.status !== 200) throw new Error(`HTTP status ${reply.status}`)
  const { status, text, failure, token } = parseTimestampResponse(reply.body)
  // 0 granted, 1 grantedWithMods (RFC 3161 §2.4.2).
  if ((status !== 0 && status !== 1) || token === undefined)
    throw new Error(`refused with status ${status}${failure ? `, ${failure}` : ''}${text ? `: ${text}` : ''}`)
  return token
}
