// The federation as a flat list of facts. Each has a kind and a key by which people know it, so that two lists can be compared and
// the difference said in words; every later way to change the registry (management requests, an admin API) changes such facts.
import type { AcmeServer, CostType } from '#protocol'

export interface ClientRef {
  readonly memberClass: string
  readonly memberCode: string
  readonly subsystemCode?: string
}

export interface OcspContent {
  readonly url: string
  readonly certificate?: string
  readonly costType?: CostType
}

/** What a fact of each kind says. Certificates are base64 of the DER, everything is JSON. */
export interface Contents {
  instance: { readonly name: string }
  'member class': { readonly description: string }
  member: ClientRef & { readonly name: string }
  subsystem: ClientRef & { readonly name?: string }
  'security server': {
    readonly owner: ClientRef
    readonly serverCode: string
    readonly address?: string
    readonly certificates: readonly string[]
    readonly maintenance?: { readonly message?: string }
  }
  /** A client on a security server; the owner's member is one without it. */
  registration: { readonly owner: ClientRef; readonly serverCode: string; readonly client: ClientRef }
  'global group': { readonly description: string }
  'global group member': { readonly group: string; readonly client: ClientRef }
  authority: {
    readonly certificate: string
    readonly ocsp: readonly OcspContent[]
    readonly intermediates: readonly { readonly certificate: string; readonly ocsp: readonly OcspContent[] }[]
    readonly profile: string
    readonly authenticationOnly: boolean
    readonly csrFormat?: 'PEM' | 'DER'
    readonly acme?: AcmeServer
  }
  'time-stamping authority': {
    /** Place in the document, from 0: in that order security servers ask them. */
    readonly position: number
    readonly url: string
    readonly certificate: string
    readonly costType?: CostType
  }
  'management service': { readonly provider: ClientRef; readonly address?: string; readonly certificate?: string }
  settings: {
    readonly ocspFreshnessSeconds: number
    readonly timestampingIntervalSeconds: number
    readonly ocspFetchIntervalSeconds?: number
    readonly verifyNextUpdate?: boolean
    readonly monitoringClient?: ClientRef
  }
  'trusted anchor': { readonly xml: string }
}

export type Kind = keyof Contents
export type Entry = { [K in Kind]: { readonly kind: K; readonly key: string; readonly content: Contents[K] } }[Kind]

export function entry<K extends Kind>(kind: K, key: string, content: Contents[K]): Entry {
  return { kind, key, content } as Entry
}

/** `GOV/70000001/population-register`: slashes cannot stand inside the parts (wire-conf §1.3). */
export function refText({ memberClass, memberCode, subsystemCode }: ClientRef): string {
  return [memberClass, memberCode, ...(subsystemCode === undefined ? [] : [subsystemCode])].join('/')
}

/** Of each kind the facts by key, in the order of their keys. */
export class Facts {
  readonly #byKind = new Map<Kind, Map<string, unknown>>()

  constructor(entries: Iterable<Entry>) {
    for (const { kind, key, content } of entries) {
      let facts = this.#byKind.get(kind)
      if (facts === undefined) {
        facts = new Map()
        this.#byKind.set(kind, facts)
      }
      facts.set(key, content)
    }
  }

  of<K extends Kind>(kind: K): readonly (readonly [key: string, content: Contents[K]])[] {
    const facts = [...(this.#byKind.get(kind) ?? [])] as [string, Contents[K]][]
    return facts.sort(([a], [b]) => (a < b ? -1 : 1))
  }

  get<K extends Kind>(kind: K, key: string): Contents[K] | undefined {
    return this.#byKind.get(kind)?.get(key) as Contents[K] | undefined
  }
}

export interface Difference {
  readonly put: readonly Entry[]
  readonly remove: readonly Entry[]
  /** In words, one a fact. */
  readonly changes: readonly string[]
}

/** From one list to another. */
export function difference(before: readonly Entry[], after: readonly Entry[]): Difference {
  const identity = ({ kind, key }: Entry) => `${kind}\0${key}`
  const old = new Map(before.map((each) => [identity(each), each]))
  const put: Entry[] = []
  const changes: string[] = []
  for (const each of after) {
    const was = old.get(identity(each))
    old.delete(identity(each))
    const fields = was === undefined ? [] : changedFields(was.content, each.content)
    if (was !== undefined && fields.length === 0) continue
    put.push(each)
    changes.push(was === undefined ? `${named(each)} added` : `${named(each)} changed: ${fields.join(', ')}`)
  }
  const remove = [...old.values()]
  return { put, remove, changes: [...changes, ...remove.map((each) => `${named(each)} removed`)] }
}

/** Where there is only one of a kind its key says nothing. */
function named({ kind, key }: Entry): string {
  return key === '' ? kind : `${kind} ${key}`
}

function changedFields(before: object, after: object): string[] {
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>]
  const fields = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...fields].filter((field) => JSON.stringify(a[field]) !== JSON.stringify(b[field]))
}
