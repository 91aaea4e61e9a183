// Long answers on the control socket, at the pace of who reads them.
import type { Response } from 'express'
import { writeChunk } from './exchange/write.ts'

/** The first chunk decides between an error answer and a begun one; after that only a cut is honest. */
export async function stream(response: Response, contentType: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (!response.headersSent) response.type(contentType)
    if (!(await writeChunk(response, chunk))) return
  }
  response.end()
}
