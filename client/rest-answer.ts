// Answers to REST messages: whose they are, and what is in them.
import { AnswerError, XRoadError } from './error.ts'
import { beginning } from './text.ts'
import { elements, readXml, textOf } from './xml.ts'

/** An error of X-Road is a few hundred bytes. */
const MAX_ERROR_BYTES = 64 * 1024

/**
 * The error of a security server, undefined for an answer of the service. A service may send an X-Road-Error of its own, which X-Road lets
 * through (wire-client §3.6); but its answer always has a request hash, and an error of a security server never.
 */
export async function restError(response: Response): Promise<XRoadError | undefined> {
  const { headers, status } = response
  if (headers.has('x-road-request-hash')) return undefined
  const header = headers.get('x-road-error') ?? undefined
  if (header !== undefined) {
    const { type, message, detail } = errorBody(await beginning(response, MAX_ERROR_BYTES))
    return new XRoadError({ code: type ?? header, text: message ?? '', detail, status, header })
  }
  await response.body?.cancel()
  throw new AnswerError(
    `HTTP status ${status} without X-Road headers: the request did not get past the HTTP engine of the security server (a path that it does not take), or no security server stands at that address`,
    { status },
  )
}

/** JSON, or XML when `Accept` asked for it (wire-client §3.7). */
function errorBody(text: string): {
  type?: string | undefined
  message?: string | undefined
  detail?: string | undefined
} {
  try {
    const { type, message, detail } = JSON.parse(text) as Record<string, unknown>
    return { type: asText(type), message: asText(message), detail: asText(detail) }
  } catch {
    const root = xmlOrNothing(text)
    const element = (name: string) => root && elements(root, undefined, name).map(textOf)[0]
    return { type: element('type'), message: element('message'), detail: element('detail') }
  }
}

function xmlOrNothing(text: string) {
  try {
    return readXml(text)
  } catch {
    return undefined
  }
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** The body by its type: JSON as a value, text as a string, nothing as undefined, everything else as a Blob. */
export async function readJson(response: Response): Promise<unknown> {
  const type = response.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (/^[^/]+\/(?:.+\+)?json$/.test(type)) {
    const text = await response.text()
    if (text === '') return undefined
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new AnswerError('The service calls its answer JSON, but it is not', { status: response.status, cause })
    }
  }
  if (type.startsWith('text/')) return response.text()
  const blob = await response.blob()
  return blob.size === 0 ? undefined : blob
}
