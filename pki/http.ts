// The authorities on HTTP. Everything that arrives here comes from anyone: bodies are bounded, methods and content types
// are what the protocols say, and nothing of an error's inside is shown.

import express, { type Express, type Request, type RequestHandler, type Response } from 'express'
import { discreet, type Log, lastResort, notFound } from '#host'
import { decodeBase64, pem } from '#trust'
import type { CertificationAuthority } from './ca.ts'
import type { OcspAnswer, OcspResponder } from './ocsp-responder.ts'
import type { IssuerRole } from './store/schema.ts'
import type { TimestampingAuthority } from './tsa.ts'

/** An OCSP request of 32 questions, a time-stamp request of any digest: both far below. */
const MAX_BODY = 16_384
/** RFC 6960 App. A.1: GET is for requests under 255 bytes encoded; we take what a proxy would still pass on. */
const MAX_OCSP_PATH = 2048

/** Counters that `GET /status` shows. */
export interface HttpCounters {
  answered: number
  signed: number
  refused: number
}

/** Names the methods that are there, for every other one (RFC 9110 §15.5.6). */
function only(...methods: readonly string[]): RequestHandler {
  return (_request, response) => {
    response.status(405).set('Allow', methods.join(', ')).type('text/plain').send('method not allowed\n')
  }
}

/** The body as bytes, of exactly this media type, at most MAX_BODY (413); anything else is 415. */
function body(mediaType: string): RequestHandler[] {
  return [
    (request, response, next) => {
      if (request.is(mediaType) !== false && request.is(mediaType) !== null) return next()
      response.status(415).type('text/plain').send(`send ${mediaType}\n`)
    },
    express.raw({ type: mediaType, limit: MAX_BODY, inflate: false }),
  ]
}

/** `/root.pem`, `/issuing.pem` and their DER twins (`.cer`, for caIssuers), `/root.crl`, `/crl`. 503 before the ceremony. */
export function caHttp(ca: CertificationAuthority, log: Log): Express {
  const served = discreet(express())
  const get = (path: string, type: string, bytes: () => Promise<Uint8Array | string | undefined>): void => {
    served
      .route(path)
      .get(async (_request, response) => {
        const found = await bytes()
        if (found === undefined)
          return void response.status(503).type('text/plain').send('the key ceremony has not been held\n')
        response.set('Content-Type', type).set('Cache-Control', 'no-cache').send(Buffer.from(found))
      })
      .all(only('GET', 'HEAD'))
  }
  const der = async (issuer: IssuerRole) => (await ca.certificateOf(issuer))?.der
  for (const issuer of ['root', 'issuing'] as const) {
    get(`/${issuer}.cer`, 'application/pkix-cert', () => der(issuer))
    get(`/${issuer}.pem`, 'application/x-pem-file', async () => {
      const found = await der(issuer)
      return found && pem('CERTIFICATE', found)
    })
  }
  get('/crl', 'application/pkix-crl', async () => (await ca.crl('issuing'))?.der)
  get('/root.crl', 'application/pkix-crl', async () => (await ca.crl('root'))?.der)
  served.use(notFound, lastResort(log))
  return served
}

/** RFC 6960 App. A.1: `POST /` with the request as body, `GET /<base64, URL-encoded>`. */
export function ocspHttp(responder: OcspResponder, counters: HttpCounters, log: Log): Express {
  const served = discreet(express())
  const send = (response: Response, { der, maxAge, outcome }: OcspAnswer): void => {
    counters.answered += 1
    if (outcome !== 'repeated') counters[outcome] += 1
    response.set('Content-Type', 'application/ocsp-response')
    response.set('Cache-Control', maxAge > 0 ? `max-age=${maxAge}, public, no-transform, must-revalidate` : 'no-store')
    response.send(Buffer.from(der))
  }
  const onFault = (error: unknown) => log.error('an OCSP question could not be answered', { error })

  served.post('/', ...body('application/ocsp-request'), async (request: Request, response: Response) => {
    send(response, await responder.answer(bytesOf(request), onFault))
  })
  served.get(/^\/.+/, async (request, response) => {
    const encoded = request.originalUrl.slice(1)
    const der = encoded.length > MAX_OCSP_PATH ? undefined : decodePath(encoded)
    // Not base64: for the responder that is just another request it cannot read.
    send(response, await responder.answer(der ?? new Uint8Array(), onFault))
  })
  served.use(only('POST', 'GET'), lastResort(log))
  return served
}

/** Base64's own `/` and `+` arrive escaped or as they are; both are read. */
function decodePath(encoded: string): Uint8Array | undefined {
  try {
    return decodeBase64(decodeURIComponent(encoded))
  } catch {
    return undefined
  }
}

/** RFC 3161 §3.4: `POST /` of application/timestamp-query. */
export function tsaHttp(tsa: TimestampingAuthority, counters: HttpCounters, log: Log): Express {
  const served = discreet(express())
  const onFault = (error: unknown) => log.error('a time-stamp could not be given', { error })
  served
    .route('/')
    .post(...body('application/timestamp-query'), async (request: Request, response: Response) => {
      const { der, granted } = await tsa.answer(bytesOf(request), onFault)
      counters.answered += 1
      counters[granted ? 'signed' : 'refused'] += 1
      response
        .set('Content-Type', 'application/timestamp-reply')
        .set('Cache-Control', 'no-store')
        .send(Buffer.from(der))
    })
    .all(only('POST'))
  served.use(notFound, lastResort(log))
  return served
}

/** express.raw leaves `{}` for an empty body. */
function bytesOf(request: Request): Uint8Array {
  const { body: bytes } = request as { body: unknown }
  return bytes instanceof Uint8Array ? bytes : new Uint8Array()
}
