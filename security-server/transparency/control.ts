// The transparent log on the control socket.
import type { Application } from 'express'
import { z } from 'zod'
import { checkpointBytes } from '#transparent-log'
import { decodeBase64, encodeBase64 } from '#trust'
import { type CheckpointAnswer, type ConsistencyAnswer, controlPaths } from '../contract.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { stream } from '../streamed.ts'
import { evidenceBundle } from './bundle.ts'
import { HistoryError } from './error.ts'

const note = z.string().transform((text, context) => {
  const bytes = decodeBase64(text)
  if (bytes !== undefined) return bytes
  context.addIssue('must be base64')
  return z.NEVER
})
const checkSchema = z.strictObject({ checkpoints: z.array(note).max(1000) })
const querySchema = z.object({ size: z.coerce.number().int().min(0) })

export function transparencyRoutes(app: Application, gateway: Gateway): void {
  const { transparency, messageLog, configuration } = gateway

  app.get(controlPaths.checkpoint, async (request, response) => {
    if (request.query['timestamped'] !== undefined) {
      const kept = await transparency.timestamped()
      if (kept === undefined) throw notYet('time-stamped')
      const answer: CheckpointAnswer = { checkpoint: encodeBase64(kept.note), token: encodeBase64(kept.token) }
      return void response.json(answer)
    }
    const newest = transparency.checkpoint()
    if (newest === undefined) throw notYet('signed')
    response.json({ checkpoint: encodeBase64(checkpointBytes(newest)) } satisfies CheckpointAnswer)
  })

  app.get(controlPaths.consistency, async (request, response) => {
    const { hashes, checkpoint } = await transparency.consistency(querySchema.parse(request.query).size)
    const answer: ConsistencyAnswer = {
      proof: hashes.map(encodeBase64),
      checkpoint: encodeBase64(checkpointBytes(checkpoint)),
    }
    response.json(answer)
  })

  // Minutes for a large log: each line says how far it is, the last what was found.
  app.post(controlPaths.check, async (request, response) => {
    const { checkpoints } = checkSchema.parse(request.body)
    await stream(response, 'application/x-ndjson', lines(transparency.check(checkpoints)))
  })

  app.get('/log/:seq/proof', async (request, response) => {
    const seq = Number(request.params.seq)
    const proof = await transparency.proofOf(seq)
    await gateway.audit.note({ who: 'operator', op: 'proof', asked: String(seq), outcome: 'ok' })
    response.type('text/plain').send(Buffer.from(proof))
  })

  app.get('/log/:seq/bundle', async (request, response) => {
    const seq = Number(request.params.seq)
    if (request.query['force'] !== undefined) await messageLog.timestampNow([seq])
    await gateway.audit.note({ who: 'operator', op: 'bundle', asked: String(seq), outcome: 'ok' })
    const parts = {
      messageLog,
      proofOf: (of: number) => transparency.proofOf(of),
      configuration: configuration.current(),
    }
    await stream(response, 'application/zip', evidenceBundle(parts, seq))
  })
}

function notYet(what: string): HistoryError {
  return new HistoryError('not_signed_yet', `no checkpoint has been ${what} yet`)
}

async function* lines(values: AsyncIterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const value of values) yield Buffer.from(`${JSON.stringify(value)}\n`)
}
