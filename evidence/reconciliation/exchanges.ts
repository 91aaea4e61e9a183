// The exchanges of which one side alone has something, gathered from both; findings come out of them.
import type { CommittedRecord } from '../log-record.ts'
import {
  type Alone,
  type Circumstances,
  classify,
  type ExchangeLegs,
  type Finding,
  type Leg,
  type Where,
} from './classify.ts'

export class Exchanges {
  readonly #most: number
  readonly #found = new Map<string, ExchangeLegs>()
  #beyond = 0

  /** @param most Exchanges that are held; of more it is only known that there are more. */
  constructor(most: number) {
    this.#most = most
  }

  /** Records of exchanges that were too many to be held. */
  get beyond(): number {
    return this.#beyond
  }

  /** A record that only one side has. */
  alone(where: Where, alone: Alone): void {
    const { record } = alone
    const key = keyOf(where, record)
    let exchange = this.#found.get(key)
    if (exchange === undefined) {
      if (this.#found.size >= this.#most) {
        this.#beyond += 1
        return
      }
      const { requestId, queryId } = record
      exchange = { requestId, queryId, consumer: consumerOf(where, record), request: leg(), response: leg() }
      this.#found.set(key, exchange)
    }
    legOf(exchange, record)[where].push(alone)
  }

  /** A record that both have; it counts where its exchange is one of those. All that are alone are told before. */
  both(where: Where, record: CommittedRecord): void {
    const exchange = this.#found.get(keyOf(where, record))
    if (exchange !== undefined) legOf(exchange, record).both += 1
  }

  *findings(circumstances: Circumstances): Generator<Finding> {
    for (const exchange of this.#found.values()) yield* classify(exchange, circumstances)
  }
}

function keyOf(where: Where, record: CommittedRecord): string {
  return JSON.stringify([consumerOf(where, record), record.requestId, record.queryId])
}

function consumerOf(where: Where, { side }: CommittedRecord): Where {
  return (side === 'consumer') === (where === 'here') ? 'here' : 'there'
}

function legOf(exchange: ExchangeLegs, { direction }: CommittedRecord): Leg {
  return direction === 'request' ? exchange.request : exchange.response
}

function leg(): Leg {
  return { both: 0, here: [], there: [] }
}
