// Files that came beside a SOAP answer.
import { AnswerError } from './error.ts'
import type { Part } from './multipart.ts'

/** An attachment, read as a Response is: `body` as a stream, or `arrayBuffer()`, `blob()`, `text()`; `headers` are those of its part. */
export class Attachment extends Response {
  /** What the body names it by, without `cid:`; undefined when its part does not say. */
  readonly id: string | undefined

  constructor({ headers, body }: Part) {
    super(streamOf(decoded(body, headers.get('content-transfer-encoding') ?? 'binary')), { headers })
    this.id = /^\s*<?([^<>]*)>?\s*$/.exec(headers.get('content-id') ?? '')?.[1] || undefined
  }
}

/** Base64 is undone; other encodings are handed on as they are, and the header says which. */
function decoded(body: AsyncIterable<Uint8Array>, encoding: string): AsyncIterable<Uint8Array> {
  return encoding.trim().toLowerCase() === 'base64' ? fromBase64(body) : body
}

async function* fromBase64(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let left = ''
  for await (const piece of body) {
    const text =
      left +
      Buffer.from(piece)
        .toString('latin1')
        .replace(/[\r\n\t ]/g, '')
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new AnswerError('An attachment is called base64, but it is not')
    left = text.slice(text.length - (text.length % 4))
    if (text.length > left.length) yield Buffer.from(text.slice(0, text.length - left.length), 'base64')
  }
  if (left !== '') yield Buffer.from(left, 'base64')
}

/** Read only as fast as it is asked for. */
function streamOf(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const pieces = source[Symbol.asyncIterator]()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next()
        if (done) controller.close()
        else controller.enqueue(new Uint8Array(value))
      },
      cancel: async () => void (await pieces.return?.()),
    },
    { highWaterMark: 0 },
  )
}
