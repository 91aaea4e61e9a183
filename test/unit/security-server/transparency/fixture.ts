// A message log with its transparent log, in a folder of their own, with a real signer.
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { commitmentOf, decodeRecord, recordEntry, SALT_BYTES } from '#evidence'
import { type Clock, type Log, systemClock } from '#host'
import { parseServerId } from '#protocol'
import type { SignerClient } from '#signer'
import { judgeLogProof, leafHash, type Policy, parseLogProof } from '#transparency'
import type { MessageLog } from '../../../../security-server/message-log/index.ts'
import { openLog } from '../../../../security-server/message-log/open-log.ts'
import type { Replaceable } from '../../../../security-server/message-log/open-segments.ts'
import {
  openTransparency,
  type Transparency,
  type TransparencyOptions,
  transparencySchema,
} from '../../../../security-server/transparency/index.ts'
import { logStore } from '../../../stores.ts'
import { configurationWith, record, TestLog } from '../message-log/fixture.ts'

export const SERVER = parseServerId('DEMO/GOV/70000002/customs')

export interface Opened {
  readonly messageLog: MessageLog
  readonly transparency: Transparency
  readonly said: TestLog
  /** As the server stops. */
  close(): Promise<void>
}

export interface OpenOptions {
  /** The server's. */
  readonly directory: string
  readonly signer: SignerClient
  /** Merged over the defaults of the configuration file, unchecked. */
  readonly settings?: Partial<TransparencyOptions['settings']>
  readonly witness?: TransparencyOptions['witness']
  readonly clock?: Clock
  readonly configuration?: TransparencyOptions['configuration']
  readonly archivedUpTo?: () => Promise<number | undefined>
  readonly log?: Log
}

/** An authority that is never there: nothing is time-stamped. */
const SILENT = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])

/** Opens both as server.ts does; closed at the end of the test. */
export async function openBoth(t: TestContext, options: OpenOptions): Promise<Opened> {
  const opened = await open(options)
  t.after(() => opened.close())
  return opened
}

export async function open(options: OpenOptions, replaced: Replaceable = {}): Promise<Opened> {
  const { directory, signer, clock = systemClock } = options
  const said = new TestLog()
  const configuration = options.configuration ?? (() => SILENT)
  let transparency: Transparency | undefined
  const messageLog = await openLog(
    {
      directory: join(directory, 'message-log'),
      store: logStore(join(directory, 'message-log')),
      configuration,
      refusal: () => transparency?.refusal(),
      settings: { timestamping: 'batch', acceptableFailureSeconds: 0, timestampIntervalSeconds: 86_400 },
      clock,
      log: said,
    },
    replaced,
  )
  const opening = openTransparency({
    directory,
    store: logStore(join(directory, 'message-log')),
    server: SERVER,
    signer,
    messageLog,
    configuration,
    settings: { ...transparencySchema.parse({}), ...options.settings },
    archivedUpTo: options.archivedUpTo ?? (async () => undefined),
    witness: options.witness,
    clock,
    log: options.log ?? said,
  })
  const history = await opening.catch(async (error) => {
    await messageLog.close()
    throw error
  })
  transparency = history
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= history.close().then(() => messageLog.close())
    return closing
  }
  return { messageLog, transparency: history, said, close }
}

export async function logged({ messageLog }: Opened, count: number): Promise<void> {
  for (let one = 0; one < count; one += 1) await messageLog.append(record({ at: new Date() }))
}

/** Waits until so many records are in a checkpoint (that is witnessed, where there are witnesses). */
export async function sealed({ transparency }: Opened, records: number): Promise<void> {
  while (transparency.provableUpTo() < records) {
    const { fault } = transparency.status()
    if (fault !== undefined) throw new Error(`not sealed: ${fault.message}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Judges a proof as an auditor does, and gives the number of the record that it is about. */
export function judged(bytes: Uint8Array, policy: Policy) {
  const proof = parseLogProof(bytes)
  const extra = proof.extra ?? new Uint8Array()
  const [salt, encoded] = [extra.subarray(0, SALT_BYTES), extra.subarray(SALT_BYTES)]
  const { checkpoint, witnessed } = judgeLogProof(proof, leafHash(recordEntry(commitmentOf(salt, encoded))), policy)
  return { seq: decodeRecord(encoded).seq, index: proof.index, size: checkpoint.size, witnessed }
}
