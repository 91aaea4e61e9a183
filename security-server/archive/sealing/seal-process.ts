// A process of its own for each file that is encrypted: it has the key that signs archives, and opens no socket. What it reads comes
// from its parent alone; so the key is not where messages of strangers are parsed, and the work not on the thread that exchanges them.
import { writeSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { reasonOf } from '#host'
import { KeyUnusable, type SealFailure, type SealRequest } from './request.ts'

const request = JSON.parse(process.argv[2] ?? '') as SealRequest

try {
  const seal = await sealerOf(request)
  if (!request.check) {
    const plain = Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>
    await pipeline(Readable.fromWeb((await seal(plain)) as never), process.stdout)
  }
} catch (error) {
  const code = error instanceof KeyUnusable ? 'key_unusable' : 'sealing_failed'
  writeSync(2, `${JSON.stringify({ code, message: reasonOf(error) } satisfies SealFailure)}\n`)
  process.exit(1)
}

type Seal = (plain: ReadableStream<Uint8Array>) => Promise<ReadableStream<Uint8Array>>

/** For the first recipients; all are looked at. */
async function sealerOf(request: SealRequest): Promise<Seal> {
  if (request.method === 'age') {
    const { ageSealer } = await import('./age.ts')
    return first(request.recipients.map(ageSealer))
  }
  const { openPgpSealer } = await import('./openpgp.ts')
  const sealer = await openPgpSealer(request)
  const all = []
  for (const recipients of request.recipients) all.push(await sealer.keysOf(recipients))
  const keys = first(all)
  return (plain) => sealer.seal(keys, plain)
}

function first<T>(list: readonly T[]): T {
  const [one] = list
  if (one === undefined) throw new TypeError('There is nobody to encrypt to')
  return one
}
