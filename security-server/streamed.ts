// Long answers, on the control socket and for auditors, at the pace of who reads them.
import type { Response } from 'express'
import { writeChunk } from './exchange/write.ts'

/**
 * The first chunk decides between an error answer and a begun one; after that only a cut is honest.
 *
 * @param idleMs Who takes nothing for so long is cut off; 0 waits for ever.
 */
export async function stream(
  response: Response,
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  idleMs = 0,
): Promise<void> {
  for await (const chunk of body) {
    if (!response.headersSent) response.type(contentType)
    if (!(await writeChunk(response, chunk, idleMs))) return
  }
  response.end()
}
