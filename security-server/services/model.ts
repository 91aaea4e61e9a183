// What the registry holds, as plain values: the same shape before it is stored and after it is read back.
import type { ClientId, EndpointPattern } from '#protocol'

/** How information systems of a client must connect (wire-client §1.3). */
export type Connection = 'HTTP' | 'HTTPS' | 'HTTPS NOAUTH'

/** Whose word is taken for the service's TLS certificate: nobody's over http, the client's pins, or the system's authorities. */
export type ServiceTls = 'none' | 'pinned' | 'system'

export interface ClientEntry {
  readonly id: ClientId
  readonly connection: Connection
  /** DER, of its information systems: what it may connect with, and what its services over https may present. */
  readonly tlsCertificates: readonly Uint8Array[]
  readonly localGroups: readonly LocalGroup[]
  readonly services: readonly ServiceEntry[]
}

export interface LocalGroup {
  readonly code: string
  readonly description: string
  readonly members: readonly ClientId[]
}

/** A base path, an OpenAPI 3 description, an operation of a WSDL. The first two are called by REST, the last one by SOAP. */
export type ServiceType = 'REST' | 'OPENAPI3' | 'WSDL'

export interface ServiceEntry {
  readonly code: string
  /** WSDL only, and not of every operation. Part of the service's name, but not of rights to it (wire-client §5.1). */
  readonly version?: string
  readonly type: ServiceType
  /** For people, from the description; WSDL only. */
  readonly title?: string
  /** Where the description came from; not for a base path. */
  readonly description?: string
  readonly url: string
  /** Seconds for the answer to begin and between its pieces; 0: no limit. */
  readonly timeoutSeconds: number
  readonly tls: ServiceTls
  /** Present when the service is disabled; told to those who have a right to it. */
  readonly notice?: string
  /** From the description; OPENAPI3 only. */
  readonly endpoints: readonly EndpointPattern[]
  readonly rights: readonly AccessRight[]
  /** Present where the data tracker tells persons of its requests. */
  readonly tracker?: TrackerRules
}

/** Where a person's code stands in a request. */
export type PersonPlace =
  | { readonly path: string }
  | { readonly query: string }
  | { readonly json: string }
  | { readonly xml: string }

/** Whom the requests to a service are about, and what the person is told. */
export interface TrackerRules {
  readonly person: readonly PersonPlace[]
  /** A regular expression. */
  readonly code?: string
  /** Names of headers, in the order in which they are looked for. */
  readonly basis: readonly string[]
  readonly showUser: boolean
  /** Each is met by a client (a member, or a subsystem) or a legal basis, or both. */
  readonly secret: readonly { readonly client?: ClientId; readonly basis?: string }[]
}

/** Who may call: a subsystem, a group of the global configuration, a group of the providing client. */
export type Subject =
  | { readonly kind: 'client'; readonly id: ClientId }
  | { readonly kind: 'global-group'; readonly code: string }
  | { readonly kind: 'local-group'; readonly code: string }

export interface AccessRight {
  readonly subject: Subject
  /** Absent: everything of the service. */
  readonly endpoint?: EndpointPattern
}
