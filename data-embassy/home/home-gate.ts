// At home: a strict register's writes wait for receipts; an available one says that only home has it. When the epoch is over, home takes no write any more.

import { EmbassyError } from '../error.ts'
import type { GatePolicy, Refusal } from '../gate.ts'
import type { Agent } from './agent.ts'

/** A strict write that is not receipted by then is answered as not acknowledged. */
const RECEIPT_MS = 30_000

export function homeGate(agent: Agent, epoch: number): GatePolicy {
  return {
    refusal(write): Refusal | undefined {
      if (!write) return undefined
      const over = agent.over
      if (over !== undefined)
        return { status: 503, code: 'epoch_over', message: `${over}; this side takes no writes any more` }
      const { failure, durability } = agent.status()
      if (failure === undefined || durability === 'available') return undefined
      return { status: 503, code: 'not_receipted', message: `writes cannot be made durable abroad: ${failure}` }
    },
    async settled() {
      if (agent.durability === 'available') return undefined
      try {
        await agent.settled(RECEIPT_MS)
        return undefined
      } catch (error) {
        if (!(error instanceof EmbassyError)) throw error
        return {
          status: 503,
          code: 'not_receipted',
          message: `${error.message}. The register holds the write, and it is not acknowledged: ask what it holds before writing again`,
        }
      }
    },
    headers: () => ({
      'X-Saadik-Mode': 'HOME',
      'X-Saadik-Epoch': String(epoch),
      'X-Saadik-Durability': agent.durability === 'strict' ? 'receipted' : 'local',
    }),
  }
}
