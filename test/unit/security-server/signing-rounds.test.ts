// Which messages share a signature: none that is alone, all that wait, in bounded rounds; and what becomes of them when the key fails.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type MessagePart, type MessageSignature, type MessageSigner, verifyMessage } from '#evidence'
import { digest } from '#trust'
import { signInRound } from '../../../security-server/exchange/signing-rounds.ts'
import { CLIENT, foundCountry, NOW } from '../evidence/authority.ts'

const country = foundCountry()
const clock = { now: () => NOW }
const member = country.member('EC-P256')
const genuine = await country.signer(member)

/** A key whose signatures are made when the test says so. */
interface Held extends MessageSigner {
  /** Signatures asked for and not yet made. */
  readonly asked: { release(): void; fail(reason: Error): void }[]
  signatures: number
}

function held(signer: MessageSigner = genuine): Held {
  const asked: Held['asked'] = []
  const key: Held = {
    ...signer,
    asked,
    signatures: 0,
    sign: (data) =>
      new Promise((resolve, reject) => {
        key.signatures += 1
        asked.push({ release: () => resolve(signer.sign(data)), fail: reject })
      }),
  }
  return key
}

function message(text: string, body?: string): readonly MessagePart[] {
  const part = (name: string, bytes: Uint8Array) => ({ name, digest: digest('SHA-512', bytes), bytes })
  return [
    part('/message.xml', Buffer.from(text)),
    ...(body === undefined ? [] : [part('/attachment1', Buffer.from(body))]),
  ]
}

function formOf({ xml, chain, chainResult }: MessageSignature, parts: readonly MessagePart[]): string {
  const chains = chain && chainResult ? { chain, chainResult } : {}
  return verifyMessage({ signature: xml, ...chains, parts, signer: CLIENT, trust: country.trust, at: NOW }).form
}

/** Lets what is settled go on. */
const settled = () => new Promise((resolve) => void setImmediate(resolve))

/** Begins a round with one message, alone. */
async function beginWith(key: Held, text: string, at = clock): Promise<{ signing: Promise<MessageSignature> }> {
  const signing = signInRound(key, at, message(text))
  signing.catch(() => undefined)
  await settled()
  return { signing }
}

test('a message that is alone is signed at once, and plainly', async () => {
  const key = held()
  for (const text of ['one', 'two']) {
    const { signing } = await beginWith(key, text)
    assert.equal(key.asked.length, 1, 'asked for within the turn')
    key.asked.shift()?.release()
    assert.equal(formOf(await signing, message(text)), 'plain')
  }
  assert.equal(key.signatures, 2)
})

test('messages of one turn share a signature', async () => {
  const key = held()
  const messages = ['a', 'b'].map((text) => message(text))
  const signing = messages.map((parts) => signInRound(key, clock, parts))
  await settled()
  key.asked.shift()?.release()
  const signed = await Promise.all(signing)
  assert.equal(key.signatures, 1)
  for (const [index, one] of signed.entries()) assert.equal(formOf(one, messages[index] ?? []), 'batch')
})

test('what arrives while a signature is made shares the next one', async () => {
  const key = held()
  const messages = ['first', 'a', 'b', 'c'].map((text, index) => message(text, index === 2 ? 'body' : undefined))
  const begun = await beginWith(key, 'first')
  const signing = [begun.signing, ...messages.slice(1).map((parts) => signInRound(key, clock, parts))]
  assert.equal(key.asked.length, 1)
  key.asked.shift()?.release()
  await settled()
  assert.equal(key.asked.length, 1)
  // It begins a third round.
  const late = signInRound(key, clock, message('late'))
  key.asked.shift()?.release()
  await settled()
  key.asked.shift()?.release()
  const [first, ...others] = await Promise.all(signing)
  assert.ok(first)
  assert.equal(formOf(first, message('first')), 'plain')
  for (const [index, other] of others.entries()) {
    assert.equal(other.xml, others[0]?.xml)
    assert.equal(other.chainResult, others[0]?.chainResult)
    assert.equal(formOf(other, messages[index + 1] ?? []), 'batch')
  }
  assert.equal(formOf(await late, message('late')), 'plain')
  assert.equal(key.signatures, 3)
})

test('a single message with a body that waited is a batch of its own', async () => {
  const key = held()
  const { signing: first } = await beginWith(key, 'first')
  const second = signInRound(key, clock, message('second', 'body'))
  key.asked.shift()?.release()
  await first
  key.asked.shift()?.release()
  assert.equal(formOf(await second, message('second', 'body')), 'batch')
})

test('a round holds 64 messages', async () => {
  const key = held()
  const texts = Array.from({ length: 1 + 64 + 64 + 7 }, (_, index) => `m${index}`)
  const begun = await beginWith(key, texts[0] ?? '')
  const signing = [begun.signing, ...texts.slice(1).map((text) => signInRound(key, clock, message(text)))]
  for (let round = 0; round < 4; round += 1) {
    key.asked.shift()?.release()
    await settled()
  }
  const signed = await Promise.all(signing)
  assert.equal(key.signatures, 4)
  const sizes = [...Map.groupBy(signed, ({ xml }) => xml).values()].map((round) => round.length)
  assert.deepEqual(sizes, [1, 64, 64, 7])
  signed.forEach((one, index) => {
    assert.equal(formOf(one, message(texts[index] ?? '')), index === 0 ? 'plain' : 'batch')
  })
})

test('other keys do not wait', async () => {
  const [one, two] = [held(), held(await country.signer(country.member('RSA-2048')))]
  const signing = [one, two].map((key) => signInRound(key, clock, message('m')))
  await settled()
  assert.deepEqual([one.asked.length, two.asked.length], [1, 1])
  for (const key of [one, two]) key.asked.shift()?.release()
  await Promise.all(signing)
})

test('a failure rejects all that wait, and the next message is signed again', async () => {
  const key = held()
  const begun = await beginWith(key, 'first')
  const behind = Array.from({ length: 100 }, (_, index) => signInRound(key, clock, message(`m${index}`)))
  const signing = [begun.signing, ...behind]
  const outcomes = Promise.allSettled(signing)
  key.asked.shift()?.fail(new Error('the signer is gone'))
  for (const outcome of await outcomes) {
    assert.equal(outcome.status, 'rejected')
    assert.match(String(outcome.reason), /the signer is gone/)
  }
  assert.equal(key.signatures, 1)
  const { signing: again } = await beginWith(key, 'again')
  key.asked.shift()?.release()
  assert.equal(formOf(await again, message('again')), 'plain')
})

test('the signing time is that of the round', async () => {
  const key = held()
  let now = NOW
  const moving = { now: () => now }
  const { signing: first } = await beginWith(key, 'first', moving)
  const second = signInRound(key, moving, message('second'))
  now = new Date(NOW.getTime() + 5000)
  key.asked.shift()?.release()
  await first
  key.asked.shift()?.release()
  const timeOf = ({ xml }: MessageSignature) => /<xades:SigningTime>([^<]+)</.exec(Buffer.from(xml).toString())?.[1]
  assert.equal(timeOf(await first), NOW.toISOString())
  assert.equal(timeOf(await second), now.toISOString())
})
