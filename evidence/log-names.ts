// What the logs and keys of security servers are called. A name says whose it is, is known before there is a key, and cannot be had by
// two servers of one instance.
import { idKey, type ServerId } from '#protocol'
import { isKeyName } from '#transparency'
import { digest } from '#trust'

/**
 * Origin of a server's log, and name of the keys that sign it: `message-log/DEMO/GOV/70000001/interior`. A log that begins anew where one was
 * lost has a later epoch, and its number behind.
 */
export function logOrigin(server: ServerId, epoch = 1): string {
  return nameOf('message-log', server, epoch === 1 ? '' : `/${epoch}`)
}

/** Whether a log, of whatever epoch, is the server's. */
export function isLogOf(origin: string, server: ServerId): boolean {
  const [, epoch] = /\/([1-9]\d{0,6})$/.exec(origin) ?? []
  return origin === logOrigin(server) || (epoch !== undefined && origin === logOrigin(server, Number(epoch)))
}

/** Name of a server's key as a witness: `witness/DEMO/GOV/70000001/interior`. */
export function witnessName(server: ServerId): string {
  return nameOf('witness', server)
}

/** Whether a key is of a witness of the same member, by its name. */
export function isOwnWitness(name: string, server: ServerId): boolean {
  const member = witnessName(server).split('/').slice(0, -1).join('/')
  return name === witnessName(server) || name.startsWith(`${member}/`)
}

/**
 * The parts are percent-encoded as in X-Road's headers, and so is a plus sign, which names of keys must not have. Identifiers that are
 * longer than a name may be are named by their SHA-256.
 */
function nameOf(what: string, server: ServerId, more = ''): string {
  const id = idKey(server).replaceAll('+', '%2B') + more
  const name = `${what}/${id}`
  if (isKeyName(name)) return name
  return `${what}/sha256/${Buffer.from(digest('SHA-256', Buffer.from(id))).toString('hex')}`
}
