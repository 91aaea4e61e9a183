// TCP listeners, from listening to the last answer.
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'

/** Listens and resolves with the port, which matters when 0 was asked for; the system's error names address and port. */
export function listen(server: Server, host: string, port: number): Promise<{ port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.removeListener('error', reject)
      resolve({ port: (server.address() as AddressInfo).port })
    })
  })
}

/**
 * Ends an HTTP listener: no new connections, idle ones cut, answers under way waited for, and cut after `patienceMs`.
 *
 * @param close How it is closed, where more than the server itself is.
 */
export async function closeHttp(
  server: HttpServer,
  patienceMs: number,
  close: () => Promise<void> = () => new Promise((resolve) => server.close(() => resolve())),
): Promise<void> {
  const closed = close()
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), patienceMs)
  await closed
  clearTimeout(late)
}
