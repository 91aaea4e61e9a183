// What the central server's control socket speaks: paths and shapes, no behaviour. Its socket is `runtimeSocket(directory,
// 'control')`. Faces and tests import this and nothing else of the room.

/** A client of the instance, written without it: `GOV/70000001` or `GOV/70000001/population-register`. */
export type RelativeClient = string
/** A certificate: absolute path of a PEM or DER file, PEM text, or base64 of either. */
export type CertificateText = string

/**
 * The federation: who is who and whose certificates count. The document is the whole of it: what it does not name is removed.
 * `POST /apply`.
 */
export interface FederationDocument {
  /** Never changes after the first time. */
  readonly instance: string
  /** Code → description. */
  readonly memberClasses: Readonly<Record<string, string>>
  readonly members: readonly {
    readonly class: string
    readonly code: string
    readonly name: string
    readonly subsystems?: readonly { readonly code: string; readonly name?: string }[]
  }[]
  readonly securityServers?: readonly {
    /** Member, `GOV/70000001`. */
    readonly owner: RelativeClient
    readonly code: string
    /** Host name or address, without a port: security servers of an instance listen on 5500 and 5577. */
    readonly address?: string
    readonly authenticationCertificates?: readonly CertificateText[]
    /** Besides the owner. */
    readonly clients?: readonly RelativeClient[]
    readonly maintenance?: { readonly message?: string }
  }[]
  /** `security-server-owners` is kept by the central server and may not be named. */
  readonly globalGroups?: readonly {
    readonly code: string
    readonly description: string
    readonly members?: readonly RelativeClient[]
  }[]
  readonly authorities?: readonly {
    /** Default: common name of the certificate. */
    readonly name?: string
    readonly certificate: CertificateText
    readonly ocsp?: readonly OcspServiceDocument[]
    readonly intermediates?: readonly {
      readonly certificate: CertificateText
      readonly ocsp?: readonly OcspServiceDocument[]
    }[]
    /** `Basic`, `FiVRK`, … or X-Road's class name. */
    readonly profile: string
    /** Issues for TLS only. */
    readonly authenticationOnly?: boolean
    readonly csrFormat?: 'PEM' | 'DER'
    readonly acme?: {
      readonly directoryUrl: string
      readonly ipAddress?: string
      readonly authenticationProfileId?: string
      readonly signingProfileId?: string
    }
  }[]
  /** In the order in which security servers ask them. */
  readonly timestampingAuthorities?: readonly {
    readonly name: string
    readonly url: string
    readonly certificate: CertificateText
    readonly costType?: 'FREE' | 'PAID' | 'UNDEFINED'
  }[]
  readonly managementService: {
    readonly provider: RelativeClient
    /** Where authentication certificates are registered; default `https://<this server>:4001/managementservice/`. */
    readonly address?: string
    /** TLS certificate of that service. */
    readonly certificate?: CertificateText
  }
  readonly settings?: {
    /** Default 3600. */
    readonly ocspFreshnessSeconds?: number
    /** Default 60. */
    readonly timestampingIntervalSeconds?: number
    /** Default, when absent: security servers take 1200. */
    readonly ocspFetchIntervalSeconds?: number
    /** Default, when absent: security servers take true. */
    readonly verifyNextUpdate?: boolean
    /** Who may read environmental monitoring data of every server. */
    readonly monitoringClient?: RelativeClient
  }
  /** External anchors of the instances that members may exchange messages with: absolute path, or the XML itself. */
  readonly trustedAnchors?: readonly string[]
}

export interface OcspServiceDocument {
  readonly url: string
  /** Signs the answers, when it is neither the CA nor delegated by it in its certificate. */
  readonly certificate?: CertificateText
  readonly costType?: 'FREE' | 'PAID' | 'UNDEFINED'
}

/** Which directory a key signs: for members of the instance, or for federated instances. */
export const SOURCES = ['internal', 'external'] as const
export type Source = (typeof SOURCES)[number]

/** `POST /apply`. Applying the same document again changes nothing. */
export interface ApplyAnswer {
  /** In words, one a change. */
  readonly changes: readonly string[]
  /** Whether the configuration that is published now has them. */
  readonly published: boolean
  /** Why not. */
  readonly reason?: string
}

/** `POST /publish`. An error (`publication_failed`) when it could not be. */
export interface PublishAnswer {
  readonly publishedAt: string
  readonly expiresAt: string
}

/** `GET /keys`; `POST /keys {source}` adds one, which is published at once and signs only when it is activated. */
export interface SigningKey {
  /** The signer's id of the key. */
  readonly id: string
  readonly source: Source
  readonly active: boolean
  readonly addedAt: string
  /** When its certificate was first published; clients that are up to date know it since. */
  readonly publishedAt?: string
  /** From when it can be activated: every configuration that does not list it has expired by then. */
  readonly activatableAt?: string
  /** Base64 of the DER. */
  readonly certificate: string
}

/** `POST /keys/:id/activate`. `force` does not wait: clients whose copy does not list the key fail until they get a new anchor. */
export interface ActivateRequest {
  readonly force?: boolean
}

/** `GET /status`. */
export interface CentralServerStatus {
  /** Whether a configuration is published that has not expired, and the last attempt to renew it succeeded. */
  readonly ready: boolean
  /** Why not, in words. */
  readonly reason?: string
  readonly instance?: string
  readonly versions: readonly number[]
  readonly lastPublished?: string
  readonly expiresAt?: string
  /** Of the last attempt, when it failed. */
  readonly lastError?: string
  readonly members: number
  readonly subsystems: number
  readonly securityServers: number
  readonly url: string
}

/** Paths of the control socket. `GET anchor?source=internal|external` answers with the XML. */
export const controlPaths = {
  apply: '/apply',
  anchor: '/anchor',
  publish: '/publish',
  status: '/status',
  keys: '/keys',
} as const
