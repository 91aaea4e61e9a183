// What opening a PKCS#12 container may cost. Its author says how often the password is hashed, for the MAC and for each bag, and some of
// that only inside what was decrypted; so the count is kept where keys are derived, not read from the file beforehand.
import { pbkdf2Sync } from 'node:crypto'
import type Forge from 'node-forge'

/** NSS writes 600,000 for the MAC, the key and the certificates each; 2,048 are usual. Some ten seconds at the very worst. */
const MAX_ITERATIONS = 2_000_000
/** What a derivation costs beside its iterations: a container may have ten thousand bags. */
const EACH = 1000
/** Node derives these many times faster than JavaScript. */
const NATIVE: ReadonlySet<string> = new Set(['sha1', 'sha256', 'sha384', 'sha512'])

/** What forge calls through its own objects, and its types leave out. */
interface Derivations {
  pkcs12: { generateKey: typeof Forge.pkcs12.generateKey }
  pkcs5: { pbkdf2(password: string, salt: string, count: number, length: number, md: Digest): string }
  pki: { pbe: { generatePkcs12Key: typeof Forge.pkcs12.generateKey } }
}
interface Digest {
  readonly algorithm: string
  readonly digestLength: number
}

let left = 0
const prepared = new WeakSet<object>()

/** Gives `work`, which must be synchronous, its iterations; forge throws within it when they are used up. */
export function withinIterations<T>(forge: typeof Forge, work: () => T): T {
  prepare(forge as typeof Forge & Derivations)
  left = MAX_ITERATIONS
  try {
    return work()
  } finally {
    left = 0
  }
}

function prepare({ pkcs12, pkcs5, pki }: Derivations): void {
  if (prepared.has(pkcs12)) return
  prepared.add(pkcs12)
  const { generateKey } = pkcs12
  const { pbkdf2 } = pkcs5
  const counted: typeof generateKey = (password, salt, id, iterations, length, md) => {
    spend(iterations, length, md?.digestLength)
    return generateKey(password, salt, id, iterations, length, md)
  }
  pkcs12.generateKey = counted
  pki.pbe.generatePkcs12Key = counted
  pkcs5.pbkdf2 = (password, salt, iterations, length, md) => {
    spend(iterations, length, md.digestLength)
    if (!NATIVE.has(md.algorithm)) return pbkdf2(password, salt, iterations, length, md)
    const bytes = [password, salt].map((text) => Buffer.from(text, 'binary'))
    const [secret = Buffer.of(), salted = Buffer.of()] = bytes
    return pbkdf2Sync(secret, salted, iterations, length, md.algorithm).toString('binary')
  }
}

/** A key longer than the digest takes all iterations again for each further block. */
function spend(iterations: number, length: number, block = 20): void {
  if (!Number.isSafeInteger(iterations) || iterations < 1) throw new RangeError('no number of iterations')
  left -= iterations * Math.ceil(length / block) + EACH
  if (left < 0) throw new RangeError(`more than ${MAX_ITERATIONS} iterations`)
}
