// Which of a provider's security servers a message goes to: the one that is known as the fastest, or whichever answers first (wire-message §1.8).
import type { Socket } from 'node:net'
import type { GlobalConfiguration, SecurityServer } from '#global-configuration'
import type { Log } from '#host'
import type { ClientId } from '#protocol'
import { fault, idKey, prefixed, shortId, XRoadFault } from '#protocol'
import type { Keyring } from '../certificates/keyring.ts'
import type { TlsIdentity } from '../certificates/own-keys.ts'
import { openTcp } from './connect.ts'
import { type ConnectionSettings, KeptConnections, type PeerConnection } from './kept-connections.ts'

const SIDE = 'server.clientproxy'

/** How long the fastest server of the last time is waited for while there are others (wire-message §1.8). */
const REMEMBERED_CONNECT_MS = 5_000

export interface Peers {
  /** A judged connection to the fastest of the servers. Throws XRoadFault network_error or ssl_authentication_failed. */
  acquire(
    targets: readonly SecurityServer[],
    provider: ClientId,
    configuration: GlobalConfiguration,
  ): Promise<PeerConnection>
  close(): Promise<void>
}

export interface PeersSettings extends ConnectionSettings {
  readonly keyring: Keyring
  readonly log: Log
  /** How long it is remembered which of several servers was the fastest. */
  readonly fastestMemoryMs: number
}

export function openPeers(settings: PeersSettings): Peers {
  const { keyring, log, connectTimeoutMs } = settings
  const connections = new KeptConnections(settings)
  const fastest = new Map<string, { key: string; at: number }>()

  function identity(): TlsIdentity {
    const own = keyring.authentication()
    if (own === undefined)
      throw fault(
        SIDE,
        'ssl_authentication_failed',
        `This security server has no usable authentication certificate: ${keyring.reason('authentication')}`,
      )
    return own
  }

  /** First to complete TCP wins; losers are closed. Failures are collected for the error. */
  async function race(targets: readonly SecurityServer[]): Promise<{ server: SecurityServer; socket: Socket }> {
    const attempts = targets.map(async (server) => ({
      server,
      socket: await openTcp(server, settings.port, connectTimeoutMs),
    }))
    try {
      const winner = await Promise.any(attempts)
      for (const attempt of attempts)
        attempt.then((other) => other !== winner && other.socket.destroy()).catch(() => {})
      return winner
    } catch (error) {
      const reasons = (error as AggregateError).errors.map((one: Error) => one.message).join('; ')
      throw fault(SIDE, 'network_error', `No provider security server could be reached: ${reasons}`, {
        cause: error,
      })
    }
  }

  return {
    async acquire(targets, provider, configuration) {
      const wanted = { provider, configuration, own: identity() }
      const memoryKey = targets
        .map((server) => idKey(server.id))
        .sort()
        .join(' ')
      const remembered = fastest.get(memoryKey)
      const known =
        remembered !== undefined && Date.now() - remembered.at < settings.fastestMemoryMs ? remembered.key : undefined
      let left = [...targets]
      const first = left.find((server) => idKey(server.id) === known)
      // What stands open already spares a handshake; where one of several is known as the fastest, only that one.
      for (const server of first ? [first] : left) {
        const kept = connections.reuse(server, wanted)
        if (kept !== undefined) return kept
      }
      const failures: XRoadFault[] = []
      while (left.length > 0) {
        const alone = first !== undefined && left.includes(first) ? first : left.length === 1 ? left[0] : undefined
        let server: SecurityServer | undefined = alone
        try {
          let socket: Socket
          if (server === undefined) ({ server, socket } = await race(left))
          else {
            const patience = server === first && left.length > 1 ? REMEMBERED_CONNECT_MS : Number.POSITIVE_INFINITY
            socket = await openTcp(server, settings.port, Math.min(patience, connectTimeoutMs))
          }
          const opened = await connections.open(server, wanted, socket)
          if (targets.length > 1) fastest.set(memoryKey, { key: idKey(server.id), at: Date.now() })
          return opened
        } catch (error) {
          failures.push(prefixed(error, SIDE))
          fastest.delete(memoryKey)
          if (server === undefined) break
          const failed = server
          left = left.filter((other) => other !== failed)
          if (left.length > 0)
            log.warn('provider security server passed over', {
              server: shortId(failed.id),
              reason: (error as XRoadFault).message,
            })
        }
      }
      throw ofAll(failures)
    },
    close: () => connections.close(),
  }
}

/** One fault for all that were tried: a server that was reached and refused says more than one that was not. */
function ofAll(failures: readonly XRoadFault[]): XRoadFault {
  const [first] = failures
  const telling = failures.find(({ code }) => code === `${SIDE}.ssl_authentication_failed`) ?? first
  if (telling === undefined) return fault(SIDE, 'unknown_member', 'The provider has no security server')
  if (failures.length === 1) return telling
  return new XRoadFault(telling.code, failures.map(({ message }) => message).join('; '), { cause: telling })
}
