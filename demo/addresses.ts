// Before anything is started or written: can every address and port be listened on? Otherwise say which not, and what to do.
import { createServer } from 'node:net'
import { DemoError } from './error.ts'
import { type Layout, listeners } from './layout.ts'

/** Throws DemoError `no_address` or `port_in_use` that names all of them. */
export async function checkAddresses(layout: Layout): Promise<void> {
  const wanted = listeners(layout)
  const refusals = await Promise.all(
    wanted.map(async (listener) => ({ ...listener, code: await tryListen(listener.host, listener.port) })),
  )

  const missing = [...new Set(refusals.filter(({ code }) => code === 'EADDRNOTAVAIL').map(({ host }) => host))].sort()
  if (missing.length > 0) throw new DemoError('no_address', noAddress(missing))

  const taken = refusals.filter(({ code }) => code !== undefined)
  if (taken.length === 0) return
  const lines = taken.map(
    ({ host, port, what, code }) => `  ${host}:${port}  for the ${what}${code === 'EADDRINUSE' ? '' : ` (${code})`}`,
  )
  const first = taken[0]?.port
  throw new DemoError(
    'port_in_use',
    [
      'these addresses are in use by another program, perhaps a demo in another folder:',
      ...lines,
      `Who holds one: ss -ltnp 'sport = :${first}'. End it, or start this demo elsewhere: saadik demo up --base 127.0.1 --dir DIR`,
    ].join('\n'),
  )
}

function tryListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)))
  })
}

/** Linux answers on all of 127.0.0.0/8; elsewhere only 127.0.0.1 is there until somebody adds the others. */
function noAddress(hosts: readonly string[]): string {
  const how: Partial<Record<NodeJS.Platform, (host: string) => string>> = {
    darwin: (host) => `  sudo ifconfig lo0 alias ${host} up`,
    win32: (host) => `  netsh interface ipv4 add address "Loopback Pseudo-Interface 1" ${host} 255.0.0.0`,
    linux: (host) => `  sudo ip address add ${host}/8 dev lo`,
  }
  const line = how[process.platform] ?? ((host: string) => `  add the loopback address ${host}`)
  return [
    'this machine has no address for:',
    ...hosts.map((host) => `  ${host}`),
    'Add them, until the next restart, with:',
    ...hosts.map(line),
  ].join('\n')
}
