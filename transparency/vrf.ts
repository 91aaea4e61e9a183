// A verifiable random function (RFC 9381, ECVRF-EDWARDS25519-SHA512-TAI): a pseudonym that nobody can compute without the secret key, and that
// its holder can prove to be the only one. A keyed hash (HMAC) would hide as much; whoever is shown one could not tell it from another.
import { digest, equalBytes } from '#trust'

/** Octets of secret and public keys, of proofs and outputs. */
export const VRF_KEY_BYTES = 32
export const VRF_PROOF_BYTES = 80
export const VRF_OUTPUT_BYTES = 64

const SUITE = 0x03
const CHALLENGE_BYTES = 16
const COFACTOR = 8n

type Curve = typeof import('@noble/curves/ed25519.js')['ed25519']
type Point = InstanceType<Curve['Point']>

let curve: Promise<Curve> | undefined

/** Loaded when it is needed: most of what stands on this room never does. */
function ed25519(): Promise<Curve> {
  curve ??= import('@noble/curves/ed25519.js').then((module) => module.ed25519)
  return curve
}

/** Whoever has the secret key. */
export interface Vrf {
  readonly publicKey: Uint8Array
  /** The output for an input alone: half the work of a proof. */
  output(input: Uint8Array): Uint8Array
  /** RFC 9381 §5.1. */
  prove(input: Uint8Array): Uint8Array
}

/** @param secretKey As one of Ed25519 (RFC 8032 §5.1.5), and never to be one. */
export async function openVrf(secretKey: Uint8Array): Promise<Vrf> {
  if (secretKey.length !== VRF_KEY_BYTES) throw new TypeError(`A secret key has ${VRF_KEY_BYTES} octets`)
  const { utils, Point } = await ed25519()
  const { prefix, scalar: clamped, pointBytes: publicKey } = utils.getExtendedPublicKey(secretKey)
  const scalar = Point.Fn.create(clamped)
  const key = Point.fromBytes(publicKey)
  return {
    publicKey,
    output: (input) => outputOf(hashToCurve(Point, publicKey, input).multiply(scalar)),
    prove(input) {
      const h = hashToCurve(Point, publicKey, input)
      const gamma = h.multiply(scalar)
      // RFC 8032 §5.1.6: no randomness that could fail.
      const nonce = Point.Fn.create(littleEndian(digest('SHA-512', prefix, h.toBytes())))
      const challenge = challengeOf([key, h, gamma, Point.BASE.multiply(nonce), h.multiply(nonce)])
      const response = Point.Fn.create(nonce + littleEndian(challenge) * scalar)
      return Buffer.concat([gamma.toBytes(), challenge, Point.Fn.toBytes(response)])
    },
  }
}

/** The output that the proof stands for, or undefined where it proves nothing. Everything may be a stranger's (RFC 9381 §5.3, §5.4.5). */
export async function vrfVerify(
  publicKey: Uint8Array,
  input: Uint8Array,
  proof: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (publicKey.length !== VRF_KEY_BYTES || proof.length !== VRF_PROOF_BYTES) return undefined
  const { Point } = await ed25519()
  const key = decoded(Point, publicKey)
  const gamma = decoded(Point, proof.subarray(0, VRF_KEY_BYTES))
  // A key of small order would have several outputs for one input.
  if (key === undefined || gamma === undefined || key.isSmallOrder()) return undefined
  const challenge = proof.subarray(VRF_KEY_BYTES, VRF_KEY_BYTES + CHALLENGE_BYTES)
  const response = littleEndian(proof.subarray(VRF_KEY_BYTES + CHALLENGE_BYTES))
  if (response >= Point.Fn.ORDER) return undefined
  const h = hashToCurve(Point, publicKey, input)
  const c = littleEndian(challenge)
  const u = Point.BASE.multiplyUnsafe(response).subtract(key.multiplyUnsafe(c))
  const v = h.multiplyUnsafe(response).subtract(gamma.multiplyUnsafe(c))
  return equalBytes(challengeOf([key, h, gamma, u, v]), challenge) ? outputOf(gamma) : undefined
}

/** Tried with one number after another until it is a point (§5.4.1.1); every second one is. */
function hashToCurve(Point: Curve['Point'], publicKey: Uint8Array, input: Uint8Array): Point {
  for (let count = 0; count < 256; count += 1) {
    const hash = digest(
      'SHA-512',
      Buffer.concat([Uint8Array.of(SUITE, 0x01), publicKey, input, Uint8Array.of(count, 0x00)]),
    )
    const point = decoded(Point, hash.subarray(0, VRF_KEY_BYTES))?.multiplyUnsafe(COFACTOR)
    if (point !== undefined && !point.is0()) return point
  }
  throw new RangeError('No point was found for an input; that happens once in 2^256')
}

function decoded(Point: Curve['Point'], bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes)
  } catch {
    return undefined
  }
}

function challengeOf(points: readonly Point[]): Uint8Array {
  const encoded = points.map((point) => point.toBytes())
  const hash = digest('SHA-512', Buffer.concat([Uint8Array.of(SUITE, 0x02), ...encoded, Uint8Array.of(0x00)]))
  return hash.subarray(0, CHALLENGE_BYTES)
}

function outputOf(gamma: Point): Uint8Array {
  const point = gamma.multiplyUnsafe(COFACTOR).toBytes()
  return digest('SHA-512', Buffer.concat([Uint8Array.of(SUITE, 0x03), point, Uint8Array.of(0x00)]))
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex') || '0'}`)
}
