// Raw ends of connections, for what HTTP libraries would not do.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** Everything that comes until the connection ends or the pattern is there. */
export async function textOf(socket: Socket, pattern?: RegExp): Promise<string> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  const text = () => Buffer.concat(chunks).toString('latin1')
  while (!socket.closed && !pattern?.test(text()))
    await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => {})
  socket.destroy()
  return text()
}

/**
 * Takes the beginning of an answer and then nothing, until the other end has cut the connection. Gives how much came in all.
 *
 * @param idleSeconds For how long the other end waits.
 */
export async function readABitAndStop(socket: Socket, idleSeconds: number): Promise<number> {
  await once(socket, 'readable')
  // A closed end answers the first line with a reset, which the second meets; an open one takes empty lines between requests.
  for (let left = 8; left > 0 && !socket.destroyed; left -= 1) {
    await sleep(2.5 * idleSeconds * 1000)
    for (let line = 2; line > 0 && !socket.destroyed; line -= 1) {
      socket.write('\r\n')
      await sleep(50)
    }
  }
  assert.ok(socket.destroyed, 'the connection is cut')
  return socket.bytesRead
}

/**
 * The same, but it does not stay silent: an empty line every now and then, which HTTP allows between requests.
 *
 * @param idleSeconds For how long the other end waits.
 */
export async function readABitAndChatter(socket: Socket, idleSeconds: number): Promise<number> {
  await once(socket, 'readable')
  for (let left = 60; left > 0 && !socket.destroyed; left -= 1) {
    socket.write('\r\n')
    await sleep((idleSeconds * 1000) / 5)
  }
  assert.ok(socket.destroyed, 'the connection is cut')
  return socket.bytesRead
}
