// The address that this server has inside its network (wire-client §6.1, securityServerInternalIp).
import { networkInterfaces } from 'node:os'

const KEEP_MS = 10 * 60_000

let kept = '0.0.0.0'
let readAt = Number.NEGATIVE_INFINITY

/** First usable address of the first interface that has one, IPv4 before IPv6; `0.0.0.0` without any. Read every 10 minutes. */
export function internalAddress(): string {
  const now = performance.now()
  if (now - readAt < KEEP_MS) return kept
  readAt = now
  kept = readAddress()
  return kept
}

function readAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    const usable = (addresses ?? []).filter(({ address, internal }) => !internal && !isLinkLocal(address))
    const first = usable.find(({ family }) => family === 'IPv4') ?? usable[0]
    if (first !== undefined) return first.address
  }
  return '0.0.0.0'
}

function isLinkLocal(address: string): boolean {
  return address.startsWith('169.254.') || /^fe[89ab]/i.test(address)
}
