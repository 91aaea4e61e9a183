// Time-stamping authorities and OCSP responders, asked over HTTP for evidence that has to last.
import { randomBytes } from 'node:crypto'
import { type Authorities, believe, readToken, type Stamp, type Standing } from '#evidence'
import { httpPost } from '#host'
import type { TrustMaterial } from '#protocol'
import {
  buildOcspRequest,
  buildTimestampRequest,
  type Certificate,
  type DigestName,
  equalBytes,
  parseTimestampResponse,
  withTsaCertificate,
} from '#trust'
import { CliError } from './error.ts'

const TIMEOUT_MS = 60_000
/** A token or an answer with its certificates is a few KiB. */
const MAX_ANSWER_BYTES = 256 * 1024

export interface DatedStamp extends Stamp {
  readonly standing: Standing
}

export interface DatedAuthorities extends Authorities {
  stamp(digest: DigestName, imprint: Uint8Array): Promise<DatedStamp>
}

/** @param tsaUrl Where time-stamps are asked for; whoever answers must be one that the trust names. */
export function authoritiesOf(trust: TrustMaterial, tsaUrl: string | undefined): DatedAuthorities {
  const urls = [...new Set(tsaUrl === undefined ? trust.tsas.map(({ url }) => url) : [tsaUrl])]
  const tsas = trust.tsas.map(({ certificate }) => certificate)
  return {
    /** Of the first that gives one. Throws CliError `unreachable` with each one's reason. */
    async stamp(digest, imprint) {
      if (urls.length === 0)
        throw new CliError('usage', 'the configuration names no time-stamping authority: --tsa URL')
      const reasons: string[] = []
      for (const url of urls)
        try {
          return await stampBy(url, tsas, digest, imprint)
        } catch (error) {
          reasons.push(`${url}: ${(error as Error).message}`)
        }
      throw new CliError('unreachable', `there is no time-stamp to be had: ${reasons.join('; ')}`)
    },
    /** What the issuer's responders in the configuration say, or those that the certificate names. Throws CliError `unreachable`. */
    async ocsp(certificate, issuer) {
      const known = trust.authorities.find((one) => equalBytes(one.certificate.der, issuer.der))
      const responders = [...new Set([...(known?.ocspUrls ?? []), ...certificate.ocspUrls])]
      const reasons: string[] = []
      for (const url of responders)
        try {
          return await answerBy(url, certificate, issuer)
        } catch (error) {
          reasons.push(`${url}: ${(error as Error).message}`)
        }
      if (reasons.length === 0) return undefined
      throw new CliError(
        'unreachable',
        `nobody says whether ${certificate.subject.text} is revoked: ${reasons.join('; ')}`,
      )
    },
  }
}

async function stampBy(
  url: string,
  tsas: readonly Certificate[],
  digest: DigestName,
  imprint: Uint8Array,
): Promise<DatedStamp> {
  // An old token must not be taken for one of now.
  const nonce = BigInt(`0x${randomBytes(8).toString('hex')}`)
  const answer = await post(url, 'timestamp', buildTimestampRequest({ digest, imprint, nonce, certReq: true }))
  const { status, text, failure, token: der } = parseTimestampResponse(answer)
  if (der === undefined) throw new Error(['refused with status', status, failure, text].filter(Boolean).join(' '))
  const token = readToken(der)
  if (token.nonce !== nonce || token.digest !== digest || !equalBytes(token.imprint, imprint))
    throw new Error('the time-stamp is for something else')
  const { genTime, tsa, standing } = believe(token, tsas)
  return { token: withTsaCertificate(token, tsa), genTime, tsa, standing }
}

function answerBy(url: string, certificate: Certificate, issuer: Certificate): Promise<Uint8Array> {
  return post(url, 'ocsp', buildOcspRequest(certificate, issuer))
}

async function post(url: string, kind: 'timestamp' | 'ocsp', request: Uint8Array): Promise<Uint8Array> {
  const [asked, answered] = kind === 'ocsp' ? ['ocsp-request', 'ocsp-response'] : ['timestamp-query', 'timestamp-reply']
  const reply = await httpPost(url, request, {
    contentType: `application/${asked}`,
    accept: `application/${answered}`,
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_ANSWER_BYTES,
  })
  if (reply.status !== 200) throw new Error(`HTTP status ${reply.status}`)
  return reply.body
}
