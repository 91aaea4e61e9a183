// The other end of a control socket.
import type { AxiosError, AxiosInstance } from 'axios'
import type { ControlErrorBody } from './control.ts'
import { HostError, type RemoteError, reasonOf } from './error.ts'

/** Bound of what is sent and of what is taken. */
const MAX_BYTES = 64 * 1024 * 1024
/** A ceremony or a forced time-stamp takes seconds; anything longer hangs. */
const TIMEOUT_MS = 120_000

export interface ControlClient {
  /** @throws {HostError} `control_failed` with what the process said, `unreachable` (cause: ENOENT, ECONNREFUSED …), `timed_out`, `answer_too_large` */
  get<T>(path: string): Promise<T>
  /** As `get`; `body` goes as JSON. */
  post<T>(path: string, body?: unknown): Promise<T>
}

/** Speaks to the process behind `socket`; nothing is opened before the first call. */
export function controlClient(socket: string): ControlClient {
  let http: Promise<AxiosInstance> | undefined
  const call = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    http ??= instance(socket)
    try {
      const answer = await (await http).request<T>({ method, url: path, ...(body === undefined ? {} : { data: body }) })
      return answer.data
    } catch (error) {
      throw translated(error, socket)
    }
  }
  return { get: (path) => call('GET', path), post: (path, body) => call('POST', path, body) }
}

async function instance(socketPath: string): Promise<AxiosInstance> {
  const [{ default: axios }, { Agent }] = await Promise.all([import('axios'), import('node:http')])
  return axios.create({
    socketPath,
    // A connection kept from an earlier call may be one to a process that has restarted since.
    httpAgent: new Agent({ keepAlive: false }),
    baseURL: 'http://control',
    proxy: false,
    maxRedirects: 0,
    decompress: false,
    timeout: TIMEOUT_MS,
    maxContentLength: MAX_BYTES,
    maxBodyLength: MAX_BYTES,
    headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
  })
}

function translated(error: unknown, socket: string): unknown {
  const failed = error as AxiosError<Partial<ControlErrorBody>>
  if (failed.isAxiosError !== true) return error
  const { response, code } = failed
  if (response !== undefined && !isTooLarge(failed)) {
    const said = response.data?.error
    const remote: RemoteError = {
      status: response.status,
      code: said?.code ?? 'unknown',
      ...(said?.id === undefined ? {} : { id: said.id }),
    }
    return new HostError(
      'control_failed',
      said?.message ?? `the process answered with HTTP status ${response.status}`,
      { cause: systemError(failed), remote },
    )
  }
  if (isTooLarge(failed))
    return new HostError('answer_too_large', `the answer from ${socket} is longer than ${MAX_BYTES} bytes`)
  if (code === 'ECONNABORTED' || code === 'ETIMEDOUT')
    return new HostError('timed_out', `no answer from ${socket} within ${TIMEOUT_MS / 1000} s`)
  return new HostError('unreachable', `nobody answers at ${socket}: ${reasonOf(error)}`, { cause: systemError(failed) })
}

export function isTooLarge(error: AxiosError): boolean {
  return error.code === 'ERR_BAD_RESPONSE' && /maxContentLength/.test(error.message)
}

/** The system's own error, not axios's: that holds the whole request, which must not end up in a log. */
export function systemError(error: AxiosError): Error {
  if (error.cause instanceof Error) return error.cause
  const short: NodeJS.ErrnoException = new Error(error.message)
  if (error.code !== undefined) short.code = error.code
  return short
}
