// private-params.xml (wire-conf §3.3): what only members of this instance need. Version 2 and version 3 and later differ in
// nothing that we write.
import type { Certificate } from '#trust'
import type { ClientId } from '../identifier.ts'
import { type Anchor, anchorContent, readFederatedAnchor } from './anchor.ts'
import { readClientIdentifier, writeClientIdentifier } from './client-identifier.ts'
import { certificate, integer, many, maybe, Omissions, one, readDocument, textOfOne } from './elements.ts'
import { base64, branch, leaf, writeDocument } from './markup.ts'

export interface ManagementService {
  /** URL of the service where authentication certificates are registered. */
  readonly address: string
  /** TLS certificate of that service. */
  readonly certificate?: Certificate
  /** Whom the other management requests are sent to. */
  readonly provider: ClientId
}

export interface PrivateParameters {
  readonly instance: string
  /** Of the federated instances. */
  readonly anchors: readonly Anchor[]
  readonly managementService: ManagementService
  /** Records are time-stamped within this. */
  readonly timestampingIntervalSeconds: number
  /** As in SharedParameters. */
  readonly unreadable?: readonly string[]
}

/** Throws ProtocolError `malformed_configuration`. */
export function parsePrivateParameters(xml: Uint8Array): PrivateParameters {
  const root = readDocument(xml, 'conf')
  const omissions = new Omissions()
  const service = one(root, 'managementService')
  const registration = maybe(service, 'authCertRegServiceCert')
  const parameters: PrivateParameters = {
    instance: textOfOne(root, 'instanceIdentifier'),
    anchors: many(root, 'configurationAnchor').map((anchor) => readFederatedAnchor(anchor, omissions)),
    managementService: {
      address: textOfOne(service, 'authCertRegServiceAddress').trim(),
      // Must be readable if it is there: left out, it would be a pin that nobody checks.
      ...(registration && { certificate: certificate(registration) }),
      provider: readClientIdentifier(one(service, 'managementRequestServiceProviderId')),
    },
    timestampingIntervalSeconds: integer(one(root, 'timeStampingIntervalSeconds'), 1, 31_536_000),
  }
  return omissions.found.length === 0 ? parameters : { ...parameters, unreadable: omissions.found }
}

export function writePrivateParameters(parameters: PrivateParameters): Uint8Array {
  const { address, certificate: registration, provider } = parameters.managementService
  return writeDocument('conf', [
    leaf('instanceIdentifier', parameters.instance),
    ...parameters.anchors.map((anchor) => branch('configurationAnchor', anchorContent(anchor))),
    branch('managementService', [
      leaf('authCertRegServiceAddress', address),
      registration && base64('authCertRegServiceCert', registration.der),
      writeClientIdentifier('managementRequestServiceProviderId', provider),
    ]),
    leaf('timeStampingIntervalSeconds', parameters.timestampingIntervalSeconds),
  ])
}
