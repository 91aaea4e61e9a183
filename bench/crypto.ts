// The floor: two signatures and two verifications are in every exchange, whatever else is done.
import { constants, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'

const DATA = Buffer.alloc(2000, 'x')

export interface Floor {
  /** CPU µs of two signatures and two verifications. */
  readonly exchangeMicros: number
}

function micros(run: () => void): number {
  for (let warm = 0; warm < 200; warm += 1) run()
  const rounds = [0, 1, 2].map(() => {
    const start = process.cpuUsage()
    for (let count = 0; count < 1000; count += 1) run()
    const used = process.cpuUsage(start)
    return (used.user + used.system) / 1000
  })
  return rounds.sort((a, b) => a - b)[1] ?? 0
}

export function floor(
  algorithm: 'RSA-2048' | 'EC-P256',
): Floor & { readonly signMicros: number; readonly verifyMicros: number } {
  const pair: { privateKey: KeyObject; publicKey: KeyObject } =
    algorithm === 'EC-P256'
      ? generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = algorithm === 'EC-P256' ? pair.privateKey : { key: pair.privateKey, padding: constants.RSA_PKCS1_PADDING }
  const signature = sign('sha512', DATA, key)
  const signMicros = micros(() => sign('sha512', DATA, key))
  const verifyMicros = micros(() => verify('sha512', DATA, pair.publicKey, signature))
  return { signMicros, verifyMicros, exchangeMicros: 2 * (signMicros + verifyMicros) }
}

export async function run(): Promise<void> {
  for (const algorithm of ['RSA-2048', 'EC-P256'] as const) {
    const { signMicros, verifyMicros, exchangeMicros } = floor(algorithm)
    console.log(
      `${algorithm}: sign ${signMicros.toFixed(1)} µs, verify ${verifyMicros.toFixed(1)} µs, floor of an exchange ${exchangeMicros.toFixed(0)} µs`,
    )
  }
}
