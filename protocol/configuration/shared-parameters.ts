// shared-params.xml, versions 2 to 6 (wire-conf §3.1, §3.2): what members of this instance and of federated ones need to know.
import type { Certificate } from '#trust'
import type { ClientId, ServerId } from '../identifier.ts'

/** What this code reads and writes; the protocol document of the reference ends at 5 (wire-conf §10, 1). */
export type ConfigurationVersion = 2 | 3 | 4 | 5 | 6
export const CONFIGURATION_VERSIONS: readonly ConfigurationVersion[] = [2, 3, 4, 5, 6]

export const COST_TYPES = ['FREE', 'PAID', 'UNDEFINED'] as const
export type CostType = (typeof COST_TYPES)[number]

/** Where the state of a CA's certificates is asked. */
export interface OcspService {
  readonly url: string
  /** Signs the answers; absent when the CA itself does, or whom it delegated. */
  readonly certificate?: Certificate
  /** Version ≥ 6. */
  readonly costType?: CostType
}

export interface CaEntry {
  readonly certificate: Certificate
  readonly ocsp: readonly OcspService[]
}

export interface AcmeServer {
  readonly directoryUrl: string
  /** For firewalls; comma separated. */
  readonly ipAddress?: string
  /** Version ≥ 4. */
  readonly authenticationProfileId?: string
  readonly signingProfileId?: string
}

export interface ApprovedCa {
  readonly name: string
  /** Issues for TLS only: nothing that it issued signs a message. */
  readonly authenticationOnly: boolean
  readonly top: CaEntry
  readonly intermediates: readonly CaEntry[]
  /** Java class name of the certificate profile (wire-conf §5.3). */
  readonly profile: string
  /** Version ≥ 6. */
  readonly csrFormat?: 'PEM' | 'DER'
  /** Version ≥ 3. */
  readonly acme?: AcmeServer
}

/** A place to download the configuration from (version ≥ 3). */
export interface ConfigurationSource {
  /** Host name or address, perhaps with a port. */
  readonly address: string
  /** Who signs the internal directory there, and the external one; keys to come are listed before they sign. */
  readonly internal: readonly Certificate[]
  readonly external: readonly Certificate[]
}

export interface ApprovedTsa {
  readonly name: string
  readonly url: string
  readonly certificate: Certificate
  readonly costType?: CostType
}

export interface Member {
  readonly memberClass: string
  readonly memberCode: string
  readonly name: string
  /** Names from version 5. */
  readonly subsystems: readonly { readonly code: string; readonly name?: string }[]
}

export interface RegisteredServer {
  readonly id: ServerId
  readonly address?: string
  /** SHA-256 over the DER of each authentication certificate; SHA-1 in version 2. */
  readonly authCertHashes: readonly Uint8Array[]
  /** Who may send and be reached through it; the owner's member first, though the document does not repeat it. */
  readonly clients: readonly ClientId[]
  /** Version ≥ 5: not to be called; the message is for consumers. */
  readonly maintenance?: { readonly message?: string }
}

export interface GlobalGroup {
  readonly code: string
  readonly description: string
  readonly members: readonly ClientId[]
}

export interface MemberClass {
  readonly code: string
  readonly description: string
}

export interface SharedParameters {
  readonly version: ConfigurationVersion
  readonly instance: string
  readonly sources: readonly ConfigurationSource[]
  readonly authorities: readonly ApprovedCa[]
  readonly tsas: readonly ApprovedTsa[]
  readonly members: readonly Member[]
  readonly servers: readonly RegisteredServer[]
  readonly groups: readonly GlobalGroup[]
  readonly memberClasses: readonly MemberClass[]
  /** An OCSP answer counts this long after its thisUpdate. */
  readonly ocspFreshnessSeconds: number
  /** Entries with certificates that could not be read; they were left out. For people, when not empty. */
  readonly unreadable?: readonly string[]
}
