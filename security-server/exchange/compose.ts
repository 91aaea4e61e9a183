// A transport message on its way out: what comes first, what is attached, and the end that seals it. Small ones are one buffer and one
// write; of long ones the attachments stream by while they are hashed and spooled to the log.
import type { Side } from '#protocol'
import { type BodyReference, type BodySpool, LogError, type MessageLog } from '../message-log/index.ts'
import { type BodyStart, keepSmall } from './body.ts'
import { logRefusal } from './refusals.ts'

/** A REST body, or an attachment of a SOAP message. */
export interface Attached {
  /** Delimiter and headers of its part. */
  readonly opening: Uint8Array
  readonly start: BodyStart
}

export interface Composition {
  readonly side: Side
  /** Of what is attached: it goes out while it comes, so that what is not kept never lies here. */
  readonly keeping: 'kept' | 'digest'
  /** All up to the message's own part, that included. */
  readonly opening: readonly Uint8Array[]
  /** Undefined, or whole in memory: the message goes in one piece. */
  readonly attached: Attached | AsyncIterable<Attached> | undefined
  /** The parts that end the message, once it is logged. */
  seal(body: BodyReference | undefined): Promise<readonly Uint8Array[]>
  /** What it means that an attachment could not be read to its end. XRoadFaults are to stay as they are. */
  broken(error: unknown): Error
}

/** The message: one buffer, or what is to be sent piece by piece. */
export function compose(log: MessageLog, message: Composition): Promise<Buffer> | AsyncGenerator<Uint8Array> {
  const { attached } = message
  if (attached === undefined) return whole(log, message, undefined)
  if (Symbol.asyncIterator in attached) return stream(log, message, attached)
  return attached.start.rest === undefined ? whole(log, message, attached) : stream(log, message, [attached])
}

async function whole(log: MessageLog, message: Composition, attached: Attached | undefined): Promise<Buffer> {
  if (attached === undefined) return Buffer.concat([...message.opening, ...(await message.seal(undefined))])
  const { opening, start } = attached
  const body = await keepSmall(log, start.head, message.keeping)
  return Buffer.concat([...message.opening, opening, ...start.head, ...(await message.seal(body))])
}

async function* stream(
  log: MessageLog,
  message: Composition,
  attached: Iterable<Attached> | AsyncIterable<Attached>,
): AsyncGenerator<Uint8Array> {
  let spool: BodySpool | undefined
  let before = message.opening
  try {
    for await (const { opening, start } of attached) {
      if (spool === undefined) spool = log.spool(message.keeping)
      else spool.next()
      yield Buffer.concat([...before, opening])
      before = []
      for (const chunk of start.head) {
        await spool.write(chunk)
        yield chunk
      }
      for (let next = await start.rest?.next(); next !== undefined && !next.done; next = await start.rest?.next()) {
        await spool.write(next.value)
        yield next.value
      }
    }
    yield Buffer.concat([...before, ...(await message.seal(await spool?.finish()))])
  } catch (error) {
    throw message.broken(error instanceof LogError ? logRefusal(message.side, error) : error)
  } finally {
    // Also when nobody asks for the rest. A body that a record names stays.
    await spool?.discard()
  }
}
