// Small HTTP calls that are no messages: OCSP, time-stamps, configuration parts, service descriptions. The message path has its own.
import type { AxiosError, AxiosRequestConfig } from 'axios'
import { isTooLarge, systemError } from './control-client.ts'
import { HostError, reasonOf } from './error.ts'

export interface HttpOptions {
  readonly accept?: string
  /** From the start of the call to the last byte of the answer. */
  readonly timeoutMs: number
  /** Longer answers are an error. */
  readonly maxBytes: number
  readonly headers?: Readonly<Record<string, string>>
}

export interface HttpAnswer {
  readonly status: number
  /** As sent, '' without one. */
  readonly contentType: string
  readonly body: Uint8Array
}

/**
 * GET; any status is an answer, redirects are not followed, nothing is unpacked, no proxy of the environment is used.
 *
 * @throws {HostError} `unreachable`, `timed_out`, `answer_too_large`
 */
export function httpGet(url: string, options: HttpOptions): Promise<HttpAnswer> {
  return call({ method: 'GET', url }, options)
}

/** POST of `body` as it is; otherwise as httpGet. */
export function httpPost(
  url: string,
  body: Uint8Array,
  options: HttpOptions & { readonly contentType: string },
): Promise<HttpAnswer> {
  // A view on a larger buffer (Node's pool) would be sent whole.
  const data = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return call({ method: 'POST', url, data, headers: { 'Content-Type': options.contentType } }, options)
}

async function call(request: AxiosRequestConfig, options: HttpOptions): Promise<HttpAnswer> {
  const [{ default: axios }, http, https] = await Promise.all([
    import('axios'),
    import('node:http'),
    import('node:https'),
  ])
  const { protocol } = new URL(request.url ?? '')
  if (protocol !== 'http:' && protocol !== 'https:') throw new TypeError(`${protocol} is not spoken here`)
  const signal = AbortSignal.timeout(options.timeoutMs)
  try {
    const answer = await axios.request<Buffer>({
      ...request,
      headers: {
        Accept: options.accept ?? '*/*',
        'Accept-Encoding': 'identity',
        'User-Agent': 'saadik',
        ...request.headers,
        ...options.headers,
      },
      responseType: 'arraybuffer',
      // Calls are minutes apart: a kept connection is more often a dead one, and these are not repeated.
      httpAgent: new http.Agent({ keepAlive: false }),
      httpsAgent: new https.Agent({ keepAlive: false }),
      proxy: false,
      maxRedirects: 0,
      decompress: false,
      signal,
      maxContentLength: options.maxBytes,
      maxBodyLength: Number.POSITIVE_INFINITY,
      validateStatus: () => true,
    })
    return { status: answer.status, contentType: String(answer.headers['content-type'] ?? ''), body: answer.data }
  } catch (error) {
    const failed = error as AxiosError
    if (failed.isAxiosError !== true) throw error
    if (isTooLarge(failed))
      throw new HostError('answer_too_large', `the answer of ${request.url} is longer than ${options.maxBytes} bytes`)
    if (signal.aborted)
      throw new HostError('timed_out', `${request.url} did not answer within ${options.timeoutMs / 1000} s`)
    throw new HostError('unreachable', `${request.url}: ${reasonOf(error)}`, { cause: systemError(failed) })
  }
}
