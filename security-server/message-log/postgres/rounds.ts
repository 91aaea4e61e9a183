// Rounds of time-stamping (../round.ts), in the thread that reads: ten thousand hash chains are a fifth of a second.
import { signatureValueOf } from '#evidence'
import { digest } from '#trust'
import { LogError } from '../error.ts'
import type { KeyRing } from '../key-ring.ts'
import { IMPRINT_DIGEST, type Round, roundOver, type Selection, type SignatureInput } from '../round.ts'
import { readStored } from './frames.ts'
import type { Lanes } from './lanes.ts'

const UNUSED = new Uint8Array()
const OLDEST = 'SELECT seq, signature_digest FROM log_untimestamped ORDER BY seq LIMIT $1'
const THOSE = 'SELECT seq, signature_digest FROM log_untimestamped WHERE seq = ANY ($1) ORDER BY seq'

interface Waiting {
  readonly seq: number
  readonly signatureDigest: Uint8Array
}

/** What a damaged record means is told at `prepareRound`. */
export async function prepareRound(lanes: Lanes, keys: KeyRing, selection: Selection): Promise<Round | null> {
  const waiting = await select(lanes, selection)
  const [only] = waiting
  if (only === undefined) return null
  if (waiting.length > 1) return batch(waiting)
  try {
    return roundOver([only.seq], [await single(lanes, keys, only.seq)])
  } catch (error) {
    if (!('oldest' in selection) || (error as LogError).code !== 'record_damaged') throw error
  }
  const two = await select(lanes, { oldest: 2 })
  return two.length === 1 ? null : batch(two)
}

async function select(lanes: Lanes, selection: Selection): Promise<readonly Waiting[]> {
  const rows =
    'oldest' in selection
      ? await lanes.rows('oldest', OLDEST, [selection.oldest])
      : await lanes.rows('those', THOSE, [selection.seqs])
  return rows.map((row) => ({
    seq: row['seq'] as number,
    signatureDigest: row['signature_digest'] as Uint8Array,
  }))
}

async function single(lanes: Lanes, keys: KeyRing, seq: number): Promise<SignatureInput> {
  const [row] = await lanes.rows('frame', 'SELECT frame FROM log_record WHERE seq = $1', [seq])
  if (row === undefined) throw new LogError('record_missing', `The log has no record ${seq}`)
  const { signature } = readStored(seq, row['frame'] as Uint8Array, keys)
  return { signatureDigest: digest(IMPRINT_DIGEST, signature), signatureValue: signatureValueOf(signature) }
}

function batch(waiting: readonly Waiting[]): Round {
  return roundOver(
    waiting.map(({ seq }) => seq),
    waiting.map(({ signatureDigest }) => ({ signatureDigest, signatureValue: UNUSED })),
  )
}
