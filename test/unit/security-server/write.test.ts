// Answers that are not taken: cut off whatever else the other end does, and whoever takes them slowly is waited for.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endWith, writeChunk } from '../../../security-server/exchange/write.ts'
import { readABitAndChatter, readABitAndStop } from '../../federation/sockets.ts'

const IDLE_MS = 300
/** More than the buffers of the kernel and of the streams hold. */
const LARGE = 32 * 1024 * 1024

async function answering(t: { after(end: () => void): void }): Promise<(path: string) => Socket> {
  const server: Server = createServer(async (request, response) => {
    response.on('error', () => {})
    if (request.url === '/whole') return endWith(response, Buffer.alloc(LARGE), IDLE_MS)
    for (let left = LARGE; left > 0; left -= 65_536)
      if (!(await writeChunk(response, Buffer.alloc(65_536), IDLE_MS))) return
    endWith(response, undefined, IDLE_MS)
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return (path) => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
    return socket
  }
}

for (const path of ['/whole', '/pieces'])
  test(`an answer in ${path.slice(1)}`, async (t) => {
    const ask = await answering(t)
    assert.ok((await readABitAndStop(ask(path), IDLE_MS / 1000)) < LARGE)
    assert.ok((await readABitAndChatter(ask(path), IDLE_MS / 1000)) < LARGE)
    const slow = ask(path)
    let taken = 0
    slow.on('data', ({ length }) => {
      taken += length
    })
    for (let left = 6; left > 0; left -= 1) {
      await sleep(5)
      slow.pause()
      await sleep(IDLE_MS / 2)
      slow.resume()
    }
    await once(slow, 'end')
    assert.ok(taken > LARGE)
  })
