// Parameters that use everything the newest version can say.

import type { ClientId, ConfigurationVersion, PrivateParameters, SharedParameters } from '#protocol'
import { digest } from '#trust'
import { testKey } from './keys.ts'

export const keys = {
  internal: testKey('internalSigningKey'),
  next: testKey('internalSigningKey'),
  external: testKey('externalSigningKey'),
}
const ca = testKey('Root & <CA>').certificate
const intermediate = testKey('Intermediate').certificate
const responder = testKey('OCSP').certificate
const tsa = testKey('TSA').certificate
export const authentication = testKey('authentication').certificate

export const owner: ClientId = { instance: 'ZZ', memberClass: 'GOV', memberCode: '900100' }
export const registry: ClientId = { ...owner, subsystemCode: 'registry "a" & b' }
export const other: ClientId = { instance: 'ZZ', memberClass: 'COM', memberCode: 'Ünïcode-1' }

export function sharedSample(version: ConfigurationVersion): SharedParameters {
  return {
    version,
    instance: 'ZZ',
    sources: [
      {
        address: 'cs.example.org',
        internal: [keys.internal.certificate, keys.next.certificate],
        external: [keys.external.certificate],
      },
      { address: 'cs2.example.org:8090', internal: [], external: [] },
    ],
    authorities: [
      {
        name: 'Root & <CA>',
        authenticationOnly: false,
        top: {
          certificate: ca,
          ocsp: [{ url: 'http://ocsp.example.org/?a=1&b=2', certificate: responder, costType: 'FREE' }],
        },
        intermediates: [{ certificate: intermediate, ocsp: [{ url: 'http://ocsp2.example.org' }] }],
        profile: 'ee.ria.xroad.common.certificateprofile.impl.BasicCertificateProfileInfoProvider',
        csrFormat: 'PEM',
        acme: {
          directoryUrl: 'https://acme.example.org/dir',
          ipAddress: '192.0.2.1, 192.0.2.2',
          authenticationProfileId: 'tls',
          signingProfileId: 'seal',
        },
      },
    ],
    tsas: [{ name: 'TSA one', url: 'http://tsa.example.org', certificate: tsa, costType: 'PAID' }],
    members: [
      {
        memberClass: 'GOV',
        memberCode: '900100',
        name: 'Registry Office',
        subsystems: [{ code: 'registry "a" & b', name: 'Main registry' }, { code: 'plain' }],
      },
      { memberClass: 'COM', memberCode: 'Ünïcode-1', name: 'Ettevõte OÜ', subsystems: [] },
    ],
    servers: [
      {
        id: { instance: 'ZZ', memberClass: 'GOV', memberCode: '900100', serverCode: 'ss-a' },
        address: 'ss-a.example.org',
        authCertHashes: [digest(version === 2 ? 'SHA-1' : 'SHA-256', authentication.der)],
        clients: [owner, registry, other],
        maintenance: { message: 'back at noon' },
      },
      {
        id: { instance: 'ZZ', memberClass: 'COM', memberCode: 'Ünïcode-1', serverCode: 'ss-b' },
        authCertHashes: [],
        clients: [other, registry],
      },
    ],
    groups: [
      { code: 'security-server-owners', description: 'Owners', members: [owner, other] },
      { code: 'readers', description: '', members: [registry] },
    ],
    memberClasses: [
      { code: 'GOV', description: 'State' },
      { code: 'COM', description: 'Companies' },
    ],
    ocspFreshnessSeconds: 3600,
  }
}

export const privateSample: PrivateParameters = {
  instance: 'ZZ',
  anchors: [
    {
      generatedAt: new Date('2030-01-01T00:00:00Z'),
      instance: 'YY',
      sources: [{ url: 'http://cs.yy.example/externalconf', certificates: [keys.external.certificate] }],
    },
  ],
  managementService: {
    address: 'https://cs.example.org:4001/managementservice/',
    certificate: responder,
    provider: registry,
  },
  timestampingIntervalSeconds: 60,
}
