// Bodies of requests: whatever a program has, as bytes in pieces.

/** A body as it goes out: known bytes have a Content-Length, everything else streams in chunks. */
export type Payload = Uint8Array | AsyncIterable<Uint8Array | string>

/** What a caller may give: what fetch takes, and every source of pieces (Node streams, generators). */
export type Body = NonNullable<RequestInit['body']> | AsyncIterable<Uint8Array | string>

/** The body and, where its kind says one, the Content-Type that goes with it (forms, blobs, text). */
export function payloadOf(body: Body): { payload: Payload; contentType: string | undefined } {
  if (typeof body === 'string') return { payload: encode(body), contentType: 'text/plain;charset=UTF-8' }
  if (body instanceof Uint8Array) return { payload: body, contentType: undefined }
  if (isSource(body)) return { payload: body, contentType: undefined }
  // The standard knows how forms, blobs and buffers are written.
  const written = new Response(body as ConstructorParameters<typeof Response>[0])
  const contentType = written.headers.get('content-type') ?? undefined
  return { payload: (written.body ?? []) as Payload, contentType }
}

/** The pieces of a payload as bytes. */
export async function* pieces(payload: Payload): AsyncGenerator<Uint8Array> {
  if (payload instanceof Uint8Array) {
    if (payload.byteLength > 0) yield payload
    return
  }
  for await (const piece of payload) {
    if (typeof piece === 'string') yield encode(piece)
    else if (piece instanceof Uint8Array) yield piece
    else throw new TypeError('a body must give strings or Uint8Arrays')
  }
}

function isSource(body: unknown): body is AsyncIterable<Uint8Array | string> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body
}

const encoder = new TextEncoder()
export function encode(text: string): Uint8Array {
  return encoder.encode(text)
}
