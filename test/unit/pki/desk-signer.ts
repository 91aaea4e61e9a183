// A signer inside the test's process, for what a real one does not do on demand: fail, hold back, sign with the wrong key.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { KeyInfo, SignerClient } from '#signer'
import { signatureNamed } from '#trust'

export interface DeskSigner extends SignerClient {
  /** What was signed, in order. */
  readonly signed: readonly { readonly key: string; readonly purpose: string; readonly data: Uint8Array }[]
  /** Called before each signature; may throw or wait. */
  before: () => Promise<void> | void
  /** From now on everything is signed with a key of nobody's. */
  swapKeys(): void
}

export function deskSigner(): DeskSigner {
  const keys = new Map<string, { info: KeyInfo; privateKey: KeyObject }>()
  const signed: { key: string; purpose: string; data: Uint8Array }[] = []
  let stranger: KeyObject | undefined
  const unused = (): never => {
    throw new TypeError('not in this test')
  }
  const signer: DeskSigner = {
    signed,
    before: () => undefined,
    swapKeys() {
      stranger = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey
    },
    async status() {
      return { version: '0', unlocked: true, keys: keys.size }
    },
    async generate({ use, algorithm, label }) {
      const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      const id = `key${keys.size + 1}`
      const spki = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
      const info = {
        id,
        use,
        algorithm,
        spki,
        certificates: [],
        createdAt: '',
        ...(label === undefined ? {} : { label }),
      }
      keys.set(id, { info, privateKey: pair.privateKey })
      return info
    },
    async keys() {
      return [...keys.values()].map(({ info }) => info)
    },
    async sign({ key, purpose, algorithm, data }) {
      await signer.before()
      signed.push({ key, purpose, data })
      const found = keys.get(key)
      const digest = signatureNamed(algorithm)?.digest
      if (found === undefined || digest === undefined) throw new TypeError('no such key or algorithm')
      return sign(digest.replace('-', ''), data, stranger ?? found.privateKey)
    },
    close: () => undefined,
    unlock: unused,
    signCheckpoint: unused,
    signedHeads: unused,
    changePin: unused,
    importKey: unused,
    csr: unused,
    selfSign: unused,
    importCertificate: unused,
    releaseTlsKey: unused,
    audit: unused,
  }
  return signer
}
