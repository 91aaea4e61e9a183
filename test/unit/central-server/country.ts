// A federation document, and a signer in this process: what a central server works with.

import { generateKeyPairSync, sign as signWith } from 'node:crypto'
import { type KeyInfo, SignerError } from '#signer'
import {
  type Certificate,
  oids,
  parseCertificate,
  signatureFor,
  write,
  writeName,
  writeSignatureIdentifier,
} from '#trust'
import type { FederationDocument } from '../../../central-server/contract.ts'
import type { ConfigurationSigner } from '../../../central-server/signer.ts'
import { type TestKey, testKey } from '../protocol/configuration/keys.ts'

const base64 = ({ der }: Certificate) => Buffer.from(der).toString('base64')

export const certificates = {
  ca: testKey('Example CA').certificate,
  intermediate: testKey('Example intermediate').certificate,
  ocsp: testKey('OCSP').certificate,
  tsa: tsaCertificate(),
  first: testKey('first server').certificate,
  second: testKey('second server').certificate,
}

export const country: FederationDocument = {
  instance: 'ZZ',
  memberClasses: { GOV: 'State', COM: 'Companies' },
  members: [
    {
      class: 'GOV',
      code: '1',
      name: 'Ministry',
      subsystems: [{ code: 'management' }, { code: 'registry', name: 'Main registry' }],
    },
    { class: 'COM', code: '2', name: 'Ettevõte & OÜ', subsystems: [{ code: 'client' }] },
  ],
  securityServers: [
    {
      owner: 'GOV/1',
      code: 'ss-a',
      address: 'ss-a.example.org',
      authenticationCertificates: [base64(certificates.first)],
      clients: ['GOV/1/registry', 'COM/2/client'],
    },
    { owner: 'COM/2', code: 'ss-b', clients: ['COM/2/client'], maintenance: { message: 'back at noon' } },
  ],
  globalGroups: [{ code: 'readers', description: 'Readers', members: ['COM/2/client', 'GOV/1'] }],
  authorities: [
    {
      certificate: base64(certificates.ca),
      ocsp: [{ url: 'http://ocsp.example.org', certificate: base64(certificates.ocsp), costType: 'FREE' }],
      intermediates: [{ certificate: base64(certificates.intermediate) }],
      profile: 'Basic',
    },
  ],
  timestampingAuthorities: [{ name: 'TSA', url: 'http://tsa.example.org', certificate: base64(certificates.tsa) }],
  managementService: { provider: 'GOV/1/management' },
  settings: { verifyNextUpdate: false, ocspFetchIntervalSeconds: 600, monitoringClient: 'GOV/1/management' },
}

/** A time-stamping certificate says that it is one. */
function tsaCertificate(): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const algorithm = writeSignatureIdentifier(signatureFor(publicKey))
  const name = writeName([{ oid: oids.commonName, value: 'TSA' }])
  const usage = write.sequence(
    write.oid(oids.extendedKeyUsage),
    write.boolean(true),
    write.octets(write.sequence(write.oid(oids.timeStamping))),
  )
  const tbs = write.sequence(
    write.tagged(0, true, write.integer(2)),
    write.integer(1),
    algorithm,
    name,
    write.sequence(write.validity(new Date('2020-01-01')), write.validity(new Date('2040-01-01'))),
    name,
    publicKey.export({ format: 'der', type: 'spki' }),
    write.tagged(3, true, write.sequence(usage)),
  )
  return parseCertificate(write.sequence(tbs, algorithm, write.bits(signWith('sha512', tbs, privateKey))))
}

/** Holds keys in memory; `locked` makes it refuse as a signer without its PIN does. */
export class DeskSigner {
  locked = false
  signatures = 0
  readonly #keys = new Map<string, TestKey>()

  get client(): ConfigurationSigner {
    const refuse = () => {
      if (this.locked) throw new SignerError('locked', 'the signer is locked')
    }
    return {
      generate: async (): Promise<KeyInfo> => {
        refuse()
        const id = String(this.#keys.size + 1).padStart(32, '0')
        this.#keys.set(id, testKey(`key ${id}`))
        return { id } as KeyInfo
      },
      selfSign: async ({ key }) => this.#key(key).certificate.der,
      sign: async ({ key, data }) => {
        refuse()
        this.signatures++
        return this.#key(key).sign(data)
      },
    }
  }

  #key(id: string): TestKey {
    const key = this.#keys.get(id)
    if (key === undefined) throw new SignerError('unknown_key', id)
    return key
  }
}
