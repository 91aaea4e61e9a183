// Shares of an opening key: made at a ceremony, each sealed to its custodian's own key, put together when the state opens its embassy.
import { randomBytes } from 'node:crypto'
import { armor, Decrypter, Encrypter, generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { combine, split } from 'shamir-secret-sharing'
import { decodeBase64, digest, encodeBase64, equalBytes } from '#trust'
import { ContinuityError } from './error.ts'
import type { Manifest } from './manifest.ts'

const FIRST_LINE = 'saadik share v1'
const SALT_BYTES = 32
/** Of a sealed share: a hybrid stanza and some lines. */
const MAXIMUM_SHARE_BYTES = 16 * 1024

/** What a custodian holds, opened. A secret. */
export interface Share {
  readonly instance: string
  readonly version: number
  readonly custodian: string
  readonly salt: Uint8Array
  readonly share: Uint8Array
}

export interface Ceremony {
  readonly manifest: Manifest
  /** Of each custodian, an armoured age file that its own key opens. */
  readonly sealed: ReadonlyMap<string, string>
}

/**
 * Makes an opening key and forgets it: what remains is the recipient and the sealed shares. Throws `wrong_key` where a custodian's own recipient is none.
 *
 * The key passes through this process's memory once; hold a ceremony on a machine of its own, without swap and core dumps.
 */
export async function holdCeremony(
  facts: Pick<Manifest, 'instance' | 'embassy' | 'version' | 'threshold'>,
  custodians: ReadonlyMap<string, string>,
): Promise<Ceremony> {
  const identity = await generateHybridIdentity()
  const parts = await split(plainBytes(Buffer.from(identity)), custodians.size, facts.threshold)
  const sealed = new Map<string, string>()
  const committed = []
  for (const [index, [name, recipient]] of [...custodians].entries()) {
    const part = parts[index] ?? new Uint8Array()
    const share: Share = { ...facts, custodian: name, salt: randomBytes(SALT_BYTES), share: part }
    committed.push({ name, commitment: commitmentTo(share) })
    sealed.set(name, await sealShare(share, recipient))
    part.fill(0)
  }
  const { instance, embassy, version, threshold } = facts
  const manifest = {
    instance,
    embassy,
    version,
    threshold,
    recipient: await identityToRecipient(identity),
    custodians: committed,
  }
  return { manifest, sealed }
}

/** The opening key (`AGE-SECRET-KEY-PQ-1…`). Throws `wrong_share` naming whose it is, `too_few_shares`, `wrong_key`. */
export async function openingKey(manifest: Manifest, shares: readonly Share[]): Promise<string> {
  for (const share of shares) checkShare(manifest, share)
  const distinct = [...new Map(shares.map((share) => [share.custodian, share])).values()]
  if (distinct.length < manifest.threshold)
    throw new ContinuityError('too_few_shares', `${distinct.length} of ${manifest.threshold} needed shares are here`)
  const identity = Buffer.from(await combine(distinct.map(({ share }) => plainBytes(share)))).toString()
  // Wrong shares give wrong bytes without a word: the key must be the one that registers were sealed to.
  const recipient = await identityToRecipient(identity).catch(() => undefined)
  if (recipient !== manifest.recipient)
    throw new ContinuityError('wrong_key', 'The shares do not make the key of this ceremony')
  return identity
}

/** The library takes no Buffer. */
function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}

/** Throws `wrong_share`. */
export function checkShare({ instance, version, custodians }: Manifest, share: Share): void {
  const custodian = custodians.find(({ name }) => name === share.custodian)
  const fits =
    custodian !== undefined &&
    share.instance === instance &&
    share.version === version &&
    equalBytes(commitmentTo(share), custodian.commitment)
  if (!fits)
    throw new ContinuityError('wrong_share', `The share of ${share.custodian} is not the one of ceremony ${version}`)
}

function commitmentTo({ salt, share }: Share): Uint8Array {
  return digest('SHA-256', salt, share)
}

async function sealShare({ instance, version, custodian, salt, share }: Share, recipient: string): Promise<string> {
  const text = [FIRST_LINE, instance, version, custodian, encodeBase64(salt), encodeBase64(share), ''].join('\n')
  try {
    const encrypter = new Encrypter()
    encrypter.addRecipient(recipient)
    return armor.encode(await encrypter.encrypt(text))
  } catch (cause) {
    throw new ContinuityError('wrong_key', `The key of ${custodian} is no age recipient`, { cause })
  }
}

/** What a custodian does: opens the own share with the own key. Throws `wrong_key`, `malformed_share`. */
export async function openShare(sealed: string, ownIdentity: string): Promise<Share> {
  if (sealed.length > MAXIMUM_SHARE_BYTES) throw new ContinuityError('malformed_share', 'The share is too long')
  let text: string
  try {
    const decrypter = new Decrypter()
    decrypter.addIdentity(ownIdentity)
    text = await decrypter.decrypt(armor.decode(sealed), 'text')
  } catch (cause) {
    throw new ContinuityError('wrong_key', 'This key does not open the share', { cause })
  }
  const [firstLine, instance = '', version = '', custodian = '', salt = '', share = '', end] = text.split('\n')
  const parsed = { instance, version: Number(version), custodian, salt: decodeBase64(salt), share: decodeBase64(share) }
  if (firstLine !== FIRST_LINE || end !== '' || parsed.salt === undefined || parsed.share === undefined)
    throw new ContinuityError('malformed_share', 'What was opened is no share')
  return { ...parsed, salt: parsed.salt, share: parsed.share }
}
