// What a judge believes, as data: made from one dated configuration and handed to whoever judges (style rule 2).
import { type Certificate, equalBytes } from '#trust'
import { OPTIONAL_DEFAULTS } from './optional-parts.ts'
import type { SharedParameters } from './shared-parameters.ts'

/** A CA certificate, top or intermediate, whose certificates count. */
export interface Authority {
  /** Of which instance: a CA speaks for no other (wire-conf §5.4). */
  readonly instance: string
  readonly name: string
  readonly certificate: Certificate
  /** Certificates that may sign OCSP answers about what this CA issued, as listed for it. */
  readonly responders: readonly Certificate[]
  readonly ocspUrls: readonly string[]
  /** Java class name of the certificate profile. */
  readonly profile: string
  readonly authenticationOnly: boolean
}

export interface TrustMaterial {
  /** Whose configuration this is. */
  readonly instance: string
  readonly authorities: readonly Authority[]
  /** Of every instance: a time-stamp is not bound to one (wire-conf §6). */
  readonly tsas: readonly { readonly name: string; readonly url: string; readonly certificate: Certificate }[]
  /** Always the own instance's (wire-conf §7). */
  readonly ocspFreshnessSeconds: number
  readonly verifyNextUpdate: boolean
}

/** From the own instance's parameters and those of the federated ones; the own instance's rules hold for all. */
export function trustMaterial(
  own: SharedParameters,
  federated: readonly SharedParameters[],
  options: { readonly verifyNextUpdate?: boolean } = {},
): TrustMaterial {
  const all = [own, ...federated]
  return {
    instance: own.instance,
    authorities: all.flatMap(authoritiesOf),
    tsas: all.flatMap(({ tsas }) => tsas.map(({ name, url, certificate }) => ({ name, url, certificate }))),
    ocspFreshnessSeconds: own.ocspFreshnessSeconds,
    verifyNextUpdate: options.verifyNextUpdate ?? OPTIONAL_DEFAULTS.verifyNextUpdate,
  }
}

function authoritiesOf({ instance, authorities }: SharedParameters): Authority[] {
  return authorities.flatMap(({ name, top, intermediates, profile, authenticationOnly }) =>
    [top, ...intermediates].map(({ certificate, ocsp }) => ({
      instance,
      name,
      certificate,
      responders: ocsp.map((service) => service.certificate).filter((responder) => responder !== undefined),
      ocspUrls: ocsp.map(({ url }) => url),
      profile,
      authenticationOnly,
    })),
  )
}

/**
 * The authority of `instance` whose subject is the certificate's issuer: by name alone, the last in the document where two have
 * the same name (wire-conf §5.4, §10, 25). The signature is for the path to judge.
 */
export function authorityFor(trust: TrustMaterial, certificate: Certificate, instance: string): Authority | undefined {
  return trust.authorities.findLast(
    (authority) =>
      authority.instance === instance && equalBytes(authority.certificate.subject.der, certificate.issuer.der),
  )
}
