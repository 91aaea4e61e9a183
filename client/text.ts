// Text out of bodies that others send: bounded, and strict about its encoding where it matters.
import { AnswerError } from './error.ts'

/** The whole of a body as UTF-8 text. Throws AnswerError when it is longer than `limit` bytes. */
export async function textWithin(response: Response, limit: number, what: string): Promise<string> {
  const { text, complete } = await read(response, limit)
  if (!complete) throw new AnswerError(`${what}: the answer is longer than ${limit} bytes`, { status: response.status })
  return text
}

/** The first `limit` bytes of a body, more or less; the rest is not read. */
export async function beginning(response: Response, limit: number): Promise<string> {
  return (await read(response, limit)).text
}

async function read(response: Response, limit: number): Promise<{ text: string; complete: boolean }> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  for (let left = limit; reader; ) {
    const { done, value } = await reader.read()
    if (done) break
    left -= value.byteLength
    if (left < 0) {
      await reader.cancel()
      return { text, complete: false }
    }
    text += decoder.decode(value, { stream: true })
  }
  return { text: text + decoder.decode(), complete: true }
}
