// TCP listeners.
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
