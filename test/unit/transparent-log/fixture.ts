// Logs and witnesses as tests have them: real signers in processes of their own, real HTTP on loopback.
import type { TestContext } from 'node:test'
import { closeHttp, type Log, listen, systemClock } from '#host'
import type { SignerClient } from '#signer'
import type { VerifierKey } from '#transparency'
import { SignedLog, type SignedLogOptions, siteServer, Witness, witnessSite } from '#transparent-log'
import { scratch } from '../host/scratch.ts'
import { entryOf } from '../transparency/naive.ts'

export const ORIGIN = 'log.example/one'

export interface Heard extends Log {
  readonly lines: readonly { readonly level: string; readonly message: string }[]
}

export function hearing(): Heard {
  const lines: { level: string; message: string }[] = []
  const at = (level: string) => (message: string) => void lines.push({ level, message })
  return { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** Entries `from` to `to` of the log that all tests know. `branch`: from there on they are another history's. */
export function entries(from: number, to: number, branch = Number.POSITIVE_INFINITY): Uint8Array[] {
  return Array.from({ length: to - from }, (_, at) =>
    from + at < branch ? entryOf(from + at) : Buffer.from(`another entry ${from + at}`),
  )
}

export async function openLog(
  t: TestContext,
  signer: SignerClient,
  options: Partial<SignedLogOptions> = {},
): Promise<SignedLog> {
  const log = await SignedLog.open({ directory: scratch(t), origin: ORIGIN, signer, ...options })
  t.after(() => log.close().catch(() => undefined))
  return log
}

export interface TestWitness {
  readonly witness: Witness
  readonly url: string
  /** Ends its listener and the witness. */
  stop(): Promise<void>
}

/** A witness of these logs that listens. */
export async function startWitness(
  t: TestContext,
  signer: SignerClient,
  logs: readonly VerifierKey[],
  more: {
    readonly directory?: string
    readonly name?: string
    readonly log?: Log
    readonly clock?: typeof systemClock
  } = {},
): Promise<TestWitness> {
  const log = more.log ?? hearing()
  const witness = await Witness.open({
    directory: more.directory ?? scratch(t),
    name: more.name ?? 'witness.example/w1',
    signer,
    logs,
    clock: more.clock ?? systemClock,
    log,
  })
  const server = siteServer({ sites: { '/witness/': witnessSite(witness) }, allow: ['127.0.0.0/8'], log })
  const { port } = await listen(server, '127.0.0.1', 0)
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= closeHttp(server, 1_000).then(() => witness.close())
    return stopped
  }
  t.after(stop)
  return { witness, url: `http://127.0.0.1:${port}/witness`, stop }
}

/** Waits until it holds; a test that waits for ever is ended by its runner. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20))
}
