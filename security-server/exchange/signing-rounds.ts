// Messages that wait for the same key are signed together: one signature over a tree of them, a hash chain for each (wire-message §5.1).
// There is no timer: a message whose key is idle signs with those of the same turn of the event loop, and what arrives while a signature
// is being made goes into the next one.
import { type MessagePart, type MessageSignature, type MessageSigner, signMessages } from '#evidence'
import type { Clock } from '#host'

/**
 * Messages of one signature. The reference has no bound; with this one a chain has six steps at most, and what a round holds back while
 * it is signed stays small.
 */
const MAX_ROUND = 64

interface Waiting {
  readonly parts: readonly MessagePart[]
  readonly resolve: (signature: MessageSignature) => void
  readonly reject: (reason: unknown) => void
}

/**
 * One for each state of a key: the keyring makes a new signer with each OCSP answer, and a signature carries the answer of those who asked
 * with it.
 */
const roundsOf = new WeakMap<MessageSigner, SigningRounds>()

/** Signs in the next round of the signer; rejects with what the signer said. The signing time is that at which the round begins. */
export function signInRound(
  signer: MessageSigner,
  clock: Clock,
  parts: readonly MessagePart[],
): Promise<MessageSignature> {
  let rounds = roundsOf.get(signer)
  if (rounds === undefined) {
    rounds = new SigningRounds(signer, clock)
    roundsOf.set(signer, rounds)
  }
  return rounds.sign(parts)
}

class SigningRounds {
  readonly #signer: MessageSigner
  readonly #clock: Clock
  #waiting: Waiting[] = []
  #signing = false

  constructor(signer: MessageSigner, clock: Clock) {
    this.#signer = signer
    this.#clock = clock
  }

  sign(parts: readonly MessagePart[]): Promise<MessageSignature> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ parts, resolve, reject })
      if (this.#signing) return
      this.#signing = true
      // Under load the messages of one turn, read from several connections, then share a signature and a commit of the log.
      setImmediate(() => this.#begin())
    })
  }

  #begin(): void {
    const round = this.#waiting.splice(0, MAX_ROUND)
    this.#signing = round.length > 0
    if (!this.#signing) return
    const messages = round.map(({ parts }) => parts)
    signMessages(messages, this.#signer, this.#clock.now()).then(
      (signatures) => {
        this.#begin()
        round.forEach(({ resolve }, index) => void resolve(signatures[index] as MessageSignature))
      },
      (reason) => {
        // Those behind fail with it: a signer that hangs must not use up its patience anew for each round of them.
        const behind = this.#waiting
        this.#waiting = []
        this.#signing = false
        for (const { reject } of [...round, ...behind]) reject(reason)
      },
    )
  }
}
