// What every parser must bear: the same bytes cut off, changed, moved and multiplied. It may refuse them in its own words only.
import assert from 'node:assert/strict'
import { TrustError } from '#trust'

/** Calls the parser and asks nothing of it but that it gives a value or throws a TrustError. */
function bear(parse: (bytes: Uint8Array) => unknown, bytes: Uint8Array, what: string): boolean {
  try {
    parse(bytes)
    return true
  } catch (error) {
    if (error instanceof TrustError) return false
    assert.fail(`${what}: ${(error as Error).stack}`)
  }
}

/** Every truncation and every octet after the end must be refused; every octet changed five ways must not be more than refused. Gives how many changes were taken. */
export function mangle(parse: (bytes: Uint8Array) => unknown, seed: Uint8Array): number {
  for (let length = 0; length < seed.length; length += 1)
    assert.equal(bear(parse, seed.subarray(0, length), `cut off at ${length}`), false, `cut off at ${length} is taken`)
  for (const octet of [0, 0x30, 0xff])
    assert.equal(bear(parse, Buffer.concat([seed, Buffer.of(octet)]), 'with a tail'), false, 'a tail is taken')
  assert.equal(bear(parse, Buffer.concat([seed, seed]), 'twice'), false, 'two values are taken')
  let taken = 0
  const bytes = Buffer.from(seed)
  for (let at = 0; at < seed.length; at += 1) {
    const original = bytes[at] ?? 0
    for (const octet of [0, 0xff, original ^ 0x20, original + 1, original ^ 0x80]) {
      bytes[at] = octet
      if (bear(parse, bytes, `octet ${at} is ${octet}`)) taken += 1
    }
    bytes[at] = original
  }
  return taken
}

/** One bit after the other turned over, from `start` to `end`. */
export function* flips(seed: Uint8Array, start = 0, end = seed.length): Generator<Uint8Array> {
  for (let at = start; at < end; at += 1)
    for (let bit = 0; bit < 8; bit += 1) {
      const bytes = Buffer.from(seed)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
      yield bytes
    }
}

export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(/\s+/g, ''), 'hex')
}
