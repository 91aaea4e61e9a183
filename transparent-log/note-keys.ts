// The keys of one name that a signer has: all of them sign, so that a new key can stand beside the one that verifiers know already.
import { type KeyInfo, type NoteUse, type SignedHead, type SignerClient, SignerError } from '#signer'
import {
  type Hash,
  type NoteSignature,
  parseCheckpoint,
  parseSignatureLines,
  parseVerifierKey,
  type VerifierKey,
} from '#transparency'
import { encodeBase64 } from '#trust'

/** Gives the consistency proof between two sizes of the tree that is signed. */
export type Prover = (oldSize: number, size: number) => Promise<readonly Hash[]>

interface Held {
  readonly id: string
  readonly verifier: VerifierKey
  /** Newest that it signed, by origin. */
  heads: Map<string, SignedHead>
}

export class NoteKeys {
  readonly #signer: SignerClient
  readonly #keys: readonly Held[]

  private constructor(signer: SignerClient, keys: readonly Held[]) {
    this.#signer = signer
    this.#keys = keys
  }

  /**
   * The keys that are there; where there is none, one is made (Ed25519), so that nothing has to be prepared. A crash right after leaves a key
   * that signed nothing, which the next start takes.
   *
   * @throws {SignerError} `locked`, `signer_unavailable`, `store_failed` where what a key signed is not known any more
   */
  static async open(signer: SignerClient, use: NoteUse, name: string): Promise<NoteKeys> {
    const there = (await signer.keys())
      .filter((key) => key.use === use && key.note?.name === name)
      .sort((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))
    const keys = there.length > 0 ? there : [await signer.generate({ use, algorithm: 'Ed25519', name })]
    return new NoteKeys(signer, await Promise.all(keys.map((key) => held(signer, key))))
  }

  /**
   * As `open`, but the newest key alone: who cosigns other people's logs cannot prove to a second key what the first has signed without it.
   *
   * @throws {SignerError} as `open`
   */
  static async newest(signer: SignerClient, use: NoteUse, name: string): Promise<NoteKeys> {
    const keys = await NoteKeys.open(signer, use, name)
    return new NoteKeys(signer, keys.#keys.slice(-1))
  }

  /** For those who verify. */
  get verifierKeys(): readonly VerifierKey[] {
    return this.#keys.map(({ verifier }) => verifier)
  }

  /** The newest trees of a log that its keys signed; none where no key signed one. */
  heads(origin: string): SignedHead[] {
    return this.#keys.flatMap(({ heads }) => heads.get(origin) ?? [])
  }

  /** Size of the tree from which the next signature is proved: the newest that all keys signed; 0 where one signed none. */
  signedSize(origin: string): number {
    return Math.min(...this.#keys.map(({ heads }) => heads.get(origin)?.size ?? 0))
  }

  /**
   * The signatures of all keys on a checkpoint. @throws {SignerError} as `signCheckpoint`; a signature that was made before is in the signer's
   * memory then, and signing the same again is always possible
   */
  async sign(text: string, prove: Prover): Promise<NoteSignature[]> {
    const lines: NoteSignature[] = []
    for (const key of this.#keys) lines.push(...(await this.#signWith(key, text, prove)))
    return lines
  }

  async #signWith(key: Held, text: string, prove: Prover): Promise<NoteSignature[]> {
    const { origin, size, root } = parseCheckpoint(text)
    const attempt = async (): Promise<string> => {
      const oldSize = key.heads.get(origin)?.size ?? 0
      const proof = oldSize < size ? await prove(oldSize, size) : []
      return this.#signer.signCheckpoint({ key: key.id, checkpoint: Buffer.from(text), oldSize, proof })
    }
    let line: string
    try {
      line = await attempt()
    } catch (error) {
      if (!(error instanceof SignerError && error.code === 'log_conflict')) throw error
      // An answer was lost on the way: the signer remembers what nobody was told of.
      key.heads = await headsOf(this.#signer, key.id)
      line = await attempt()
    }
    key.heads.set(origin, { origin, size, root: encodeBase64(root) })
    return parseSignatureLines(line)
  }
}

async function held(signer: SignerClient, { id, note }: KeyInfo): Promise<Held> {
  return { id, verifier: parseVerifierKey(note?.verifierKey ?? ''), heads: await headsOf(signer, id) }
}

async function headsOf(signer: SignerClient, key: string): Promise<Map<string, SignedHead>> {
  return new Map((await signer.signedHeads(key)).map((head) => [head.origin, head]))
}
