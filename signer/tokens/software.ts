// The software token: keys in files, sealed under the PIN, in memory as OpenSSL keys once it is unlocked.
import { constants, createPrivateKey, type KeyObject, randomBytes, sign as signSync } from 'node:crypto'
import type { Clock, Log } from '#host'
import { digestNamed, equalBytes, type SignatureAlgorithm } from '#trust'
import type { KeyAlgorithm } from '../contract.ts'
import { SignerError } from '../error.ts'
import { algorithmOf, isNoteAlgorithm, keyType, makeKey, spkiOf } from './algorithms.ts'
import { aboutRecord, type KeyRecord, openKeyRecords } from './key-records.ts'
import { makeVault, openRecord, openVault, sealRecord, sealVault } from './sealing.ts'
import type { KeyFacts, Token, TokenKey } from './token.ts'

/** Bytes. A PIN is typed by a person, or made by a machine and kept in a file. */
const PIN_LENGTH = { min: 6, max: 256 }

export async function openSoftwareToken(directory: string, clock: Clock, log: Log): Promise<Token> {
  const store = await openKeyRecords(directory)
  for (const damaged of store.damaged) log.error('a key file is damaged and left aside', damaged)
  const known = new Map<string, TokenKey>(store.records.map((record) => [record.id, publicSide(record)]))
  const opened = new Map<string, KeyObject>()
  let master: Uint8Array | undefined

  const unlockedMaster = (): Uint8Array => {
    if (master === undefined)
      throw new SignerError('locked', 'the signer is locked; give it its PIN (saadik keys unlock)')
    return master
  }
  const privateKey = (id: string): KeyObject => {
    unlockedMaster()
    const key = opened.get(id)
    if (key === undefined) throw new SignerError('unknown_key', `there is no key ${id}`)
    return key
  }

  async function unlock(pin: Uint8Array): Promise<void> {
    if (store.vault === undefined) {
      checkSuitable(pin)
      const made = await makeVault(pin)
      // A crash before this leaves no vault, one after it an empty token with this PIN.
      await store.writeVault(made.vault)
      master = made.master
      return
    }
    const opening = await openVault(store.vault, pin)
    if (master !== undefined) return
    for (const record of store.records) openKey(opening, record)
    master = opening
  }

  /** One file is replaced, whole or not at all: the keys lie under the master key, and only that one lies under the PIN. */
  async function changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void> {
    if (store.vault === undefined) throw new SignerError('bad_request', 'there is no PIN yet; the first unlock sets it')
    checkSuitable(newPin)
    if (equalBytes(pin, newPin)) throw new SignerError('pin_unsuitable', 'the new PIN is the old one')
    const opening = await openVault(store.vault, pin)
    try {
      // A crash before this leaves the old PIN, one after it the new one.
      await store.writeVault(await sealVault(opening, newPin))
    } finally {
      opening.fill(0)
    }
  }

  /** A record that does not open was damaged or edited: it is left aside, loudly, and the other keys go on. */
  function openKey(opening: Uint8Array, record: KeyRecord): void {
    try {
      const pkcs8 = openRecord(opening, record.id, aboutRecord(record), record.sealed)
      const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
      pkcs8.fill(0)
      opened.set(record.id, key)
    } catch (error) {
      known.delete(record.id)
      log.error('a key cannot be opened: its file was damaged or edited', { key: record.id, error })
    }
  }

  async function keep(
    { use, label, name }: KeyFacts,
    algorithm: KeyAlgorithm,
    key: KeyObject,
    prepare: (id: string) => Promise<void> = async () => {},
  ): Promise<TokenKey> {
    const about = {
      format: 1 as const,
      id: randomBytes(16).toString('hex'),
      use,
      algorithm,
      ...(label === undefined ? {} : { label }),
      ...(name === undefined ? {} : { name }),
      createdAt: clock.now().toISOString(),
      spki: spkiOf(key).toString('base64'),
    }
    const pkcs8 = key.export({ format: 'der', type: 'pkcs8' })
    const sealed = sealRecord(unlockedMaster(), about.id, aboutRecord(about), pkcs8)
    pkcs8.fill(0)
    await prepare(about.id)
    // A crash before this leaves no key, one after it a whole key that its caller may never have heard of.
    await store.write({ ...about, sealed })
    opened.set(about.id, key)
    const made = publicSide(about)
    known.set(about.id, made)
    return made
  }

  return {
    get unlocked() {
      return master !== undefined
    },
    get hasPin() {
      return store.vault !== undefined
    },
    keys: () => [...known.values()],
    key: (id) => known.get(id),
    unlock,
    changePin,
    async generate(facts, algorithm, prepare) {
      unlockedMaster()
      return keep(facts, algorithm, await makeKey(algorithm), prepare)
    },
    async importKey(facts, key) {
      unlockedMaster()
      const algorithm = algorithmOf(key)
      if (algorithm === undefined || isNoteAlgorithm(algorithm))
        throw new SignerError(
          'import_failed',
          'only RSA keys of 2048, 3072 or 4096 bits and EC keys on P-256 or P-384 are kept',
        )
      const spki = spkiOf(key)
      const there = [...known.values()].find((each) => equalBytes(each.spki, spki))
      if (there !== undefined && there.use !== facts.use)
        throw new SignerError('import_failed', `this key is already there, for ${there.use} (${there.id})`)
      return there ?? keep(facts, algorithm, key)
    },
    sign: (id, algorithm, data) => signWith(privateKey(id), known.get(id)?.algorithm, algorithm, data),
    signNote: (id, data) => signSync(null, data, privateKey(id)),
    exportKey: (id) => privateKey(id).export({ format: 'pem', type: 'pkcs8' }),
  }
}

function checkSuitable(pin: Uint8Array): void {
  if (pin.length < PIN_LENGTH.min || pin.length > PIN_LENGTH.max)
    throw new SignerError('pin_unsuitable', `a PIN has ${PIN_LENGTH.min} to ${PIN_LENGTH.max} bytes`)
}

/**
 * P-256 on this thread: 20 µs, less than the way to another (tech §1). RSA and P-384 take 0.2 to 3 ms and would stop everybody
 * else's signatures, so they go to the thread pool.
 */
function signWith(
  key: KeyObject,
  kind: KeyAlgorithm | undefined,
  algorithm: SignatureAlgorithm,
  data: Uint8Array,
): Uint8Array | Promise<Uint8Array> {
  const digest = digestNamed(algorithm.digest)
  const needed = algorithm.key === 'ec' ? 'ec' : 'rsa'
  if (digest === undefined || kind === undefined || keyType(kind) !== needed) {
    throw new SignerError('unsupported_algorithm', `a key of type ${kind} does not sign with ${algorithm.name}`)
  }
  if (kind === 'EC-P256') return signSync(digest.openssl, data, key)
  const how =
    algorithm.key === 'rsa-pss' ? { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: digest.length } : key
  return new Promise((resolve, reject) => {
    signSync(digest.openssl, data, how, (error, signature) => {
      if (error) reject(new SignerError('internal_error', 'the key does not sign', { cause: error }))
      else resolve(signature)
    })
  })
}

function publicSide(record: Omit<KeyRecord, 'sealed'>): TokenKey {
  const { id, use, algorithm, label, name, spki, createdAt } = record
  return {
    id,
    use,
    algorithm,
    ...(label === undefined ? {} : { label }),
    ...(name === undefined ? {} : { name }),
    spki: Buffer.from(spki, 'base64'),
    createdAt,
  }
}
