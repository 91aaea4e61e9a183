// The way back (embassy.md, "Modes"): home fetches what was written abroad, proves it, makes the register again from it, and compares that with what it has itself.
// Nothing is merged here: what differs is for people.
import { join } from 'node:path'
import type { RestService } from '#client'
import { type DecreeKeys, openDecree, parseBatch } from '#continuity'
import type { SignerClient } from '#signer'
import type { VerifierKey } from '#transparency'
import { NoteKeys } from '#transparent-log'
import { Mirror } from '../abroad/mirror.ts'
import { EmbassyError } from '../error.ts'
import { type Comparison, compareSqlite } from '../register/compare-sqlite.ts'
import { type Restored, restoreSqlite } from '../restore/restore-sqlite.ts'
import { mirrorPath, originOf } from '../wire.ts'

const MAXIMUM_ANSWER = 17 * 1024 * 1024

export interface ReturnOptions {
  readonly directory: string
  readonly instance: string
  readonly register: string
  /** That was written abroad. */
  readonly epoch: number
  readonly signer: SignerClient
  /** The embassy's carrier service. */
  readonly service: RestService
  /** With which the embassy signed the log of that epoch. */
  readonly logKeys: readonly VerifierKey[]
  readonly decreeKeys: DecreeKeys
  /** Home's return key, `AGE-SECRET-KEY-PQ-1…`. */
  readonly identity: string
  /** Home's register as it is. */
  readonly database: string
  /** Where the register as it was abroad is made. */
  readonly restored: string
  readonly progress?: (what: string, done: number) => void
}

export interface Returned extends Restored {
  readonly origin: string
  readonly size: number
  /** Of the tree that was fetched; a decree that ends the epoch names it. */
  readonly root: Uint8Array
  /** Home's register beside the one from abroad. */
  readonly comparison: Comparison
}

/** @throws {EmbassyError} `unreachable`, `wrong_decree`, and as `Mirror.take`: home believes an embassy no more than an embassy believes home */
export async function returnHome(options: ReturnOptions): Promise<Returned> {
  const {
    directory,
    instance,
    register,
    epoch,
    signer,
    logKeys,
    identity,
    database,
    restored,
    progress = () => {},
  } = options
  const origin = originOf(instance, register, epoch)
  const keys = await NoteKeys.newest(signer, 'mirror', `${instance}/mirror/home`)
  const mirror = await Mirror.open({
    directory: join(directory, 'returned', `${register}-${epoch}`),
    origin,
    logKeys,
    keys,
  })
  try {
    for (let batch = await fetchBatch(options, origin, mirror.size); batch !== undefined; ) {
      if (mirror.size === 0) checkBeginning(options, batch)
      await mirror.take(parseBatch(batch))
      progress('fetched', mirror.size)
      batch = await fetchBatch(options, origin, mirror.size)
    }
    const made = await restoreSqlite({ mirror, instance, identity }, restored, (done) => progress('restored', done))
    return {
      ...made,
      origin,
      size: mirror.size,
      root: mirror.tree.root(),
      comparison: compareSqlite(database, restored),
    }
  } finally {
    await mirror.close()
  }
}

/** The batch that begins there; undefined behind the last. */
async function fetchBatch({ service }: ReturnOptions, origin: string, index: number): Promise<Buffer | undefined> {
  const answer = await service.fetch(`${mirrorPath(origin)}/batches/${index}`)
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of answer.body ?? []) {
    length += chunk.length
    if (length > MAXIMUM_ANSWER) throw new EmbassyError('unreachable', 'the embassy sends more than a batch')
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks)
  if (answer.status === 204) return undefined
  if (answer.status !== 200)
    throw new EmbassyError('unreachable', `HTTP status ${answer.status}: ${body.toString('utf8').slice(0, 500)}`)
  return body
}

/** The log begins with the decree that gave the embassy its right to write. */
function checkBeginning({ decreeKeys, register, epoch }: ReturnOptions, batch: Uint8Array): void {
  const [first] = parseBatch(batch).entries
  if (first?.parsed.kind !== 'decree')
    throw new EmbassyError('wrong_decree', 'What was written abroad does not begin with a decree')
  const { decree } = openDecree(first.content, decreeKeys)
  if (decree.subject !== register || decree.epoch[1] !== epoch || decree.to !== 'TAKEOVER')
    throw new EmbassyError(
      'wrong_decree',
      `What was written abroad begins with a decree about ${decree.subject}, epoch ${decree.epoch[1]}`,
    )
}
