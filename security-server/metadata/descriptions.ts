// Descriptions for those who ask: fetched anew each time, without the addresses of the service (wire-client §4.2–4.3).
import { HostError, turnstile } from '#host'
import { clientOf, fault, idKey, XRoadFault } from '#protocol'
import { digest, encodeBase64 } from '#trust'
import type { LocalService } from '../services/index.ts'
import { type DescriptionKind, type Hidden, hide } from './hide.ts'

const SIDE = 'server.serverproxy'

/**
 * GET of a description, under the TLS rule of its service (wire-client §1.4); any status is an answer, redirects are not followed, at most 10 MiB,
 * at most 30 s. Rejects with a HostError, or with an XRoadFault that is told as it is.
 */
export type FetchDescription = (
  url: string,
  service: LocalService,
) => Promise<{ readonly status: number; readonly contentType: string; readonly body: Uint8Array }>

export interface HiddenDescription {
  /** As the service sent it; '' without one. */
  readonly contentType: string
  readonly body: Uint8Array
}

/** Of rewritten descriptions, together. */
const MAX_REMEMBERED_BYTES = 16 * 1024 * 1024

export class Descriptions {
  readonly #fetch: FetchDescription
  readonly #inTurn = turnstile()
  /** Those who ask while one is on its way wait for that one: there are never more on their way than descriptions. */
  readonly #underWay = new Map<string, Promise<HiddenDescription>>()
  /** By what the service sent, so that the same description is read once. The oldest first. */
  readonly #remembered = new Map<string, { readonly sent: string; readonly hidden: Hidden }>()
  #bytes = 0

  constructor(fetch: FetchDescription) {
    this.#fetch = fetch
  }

  /**
   * @throws XRoadFault `server.serverproxy.` + `internal_error`: not answered with status 200, or not an OpenAPI description; `invalid_xml`: not a
   * WSDL; `network_error`, `unknown_host`, `io_error`, `ssl_authentication_failed`: of the connection. None of them tells an address.
   */
  get(service: LocalService, url: string): Promise<HiddenDescription> {
    const key = `${service.type} ${service.tls} ${idKey(clientOf(service.id))} ${url}`
    const running = this.#underWay.get(key)
    if (running !== undefined) return running
    const started = this.#load(key, service, url).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, started)
    return started
  }

  async #load(key: string, service: LocalService, url: string): Promise<HiddenDescription> {
    const { status, contentType, body } = await this.#fetch(url, service).catch((error: unknown) => {
      throw connectionFault(error)
    })
    if (status !== 200)
      throw fault(
        SIDE,
        'internal_error',
        `The service description could not be read: the service answered with HTTP status ${status}`,
      )
    const kind = kindOf(service, url, contentType)
    const hidden = await this.#hidden(key, kind, body)
    if ('body' in hidden) return { contentType, body: hidden.body }
    const text = `The service description cannot be passed on: ${hidden.failure}`
    throw fault(SIDE, kind === 'wsdl' ? 'invalid_xml' : 'internal_error', text)
  }

  async #hidden(key: string, kind: DescriptionKind, body: Uint8Array): Promise<Hidden> {
    const sent = `${kind} ${encodeBase64(digest('SHA-256', body))}`
    const remembered = this.#remembered.get(key)
    if (remembered?.sent === sent) return remembered.hidden
    // One at a time: a description costs a thread and its memory.
    const hidden = await this.#inTurn(() => hide(kind, body)).catch((error: Error) => {
      throw fault(SIDE, 'internal_error', 'The service description is too much to be passed on', { cause: error })
    })
    this.#forget(key)
    this.#remembered.set(key, { sent, hidden })
    this.#bytes += sizeOf(hidden)
    for (const oldest of this.#remembered.keys()) {
      if (this.#bytes <= MAX_REMEMBERED_BYTES) break
      this.#forget(oldest)
    }
    return hidden
  }

  #forget(key: string): void {
    const entry = this.#remembered.get(key)
    if (entry === undefined) return
    this.#bytes -= sizeOf(entry.hidden)
    this.#remembered.delete(key)
  }
}

/** A little more than what it holds: failures count too. */
function sizeOf(hidden: Hidden): number {
  return 1024 + ('body' in hidden ? hidden.body.length : 2 * hidden.failure.length)
}

/** By what the service says, else by the name of the file, as the reference does (wire-client §4.3). */
function kindOf({ type }: LocalService, url: string, contentType: string): DescriptionKind {
  if (type === 'WSDL') return 'wsdl'
  if (contentType.includes('application/json')) return 'openapi-json'
  if (contentType === 'application/x-yaml') return 'openapi-yaml'
  return new URL(url).pathname.endsWith('.json') ? 'openapi-json' : 'openapi-yaml'
}

function connectionFault(error: unknown): unknown {
  if (error instanceof XRoadFault || !(error instanceof HostError)) return error
  const { code } = (error.cause ?? {}) as { readonly code?: unknown }
  const unknown = code === 'ENOTFOUND' || code === 'EAI_AGAIN'
  const base = unknown ? 'unknown_host' : error.code === 'unreachable' ? 'network_error' : 'io_error'
  return fault(SIDE, base, 'The service description could not be fetched', { cause: error })
}
