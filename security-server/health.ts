// Health that is true: each check looks at what an exchange would need this very moment (style: nothing waits silently).
import type { HealthChecks, HealthState } from './contract.ts'
import type { Gateway } from './exchange/gateway.ts'

export function checkHealth(gateway: Gateway): HealthChecks {
  return {
    keys: state(keys(gateway)),
    ocsp: state(ocsp(gateway)),
    configuration: state(configuration(gateway)),
    log: state(gateway.messageLog.status().refusing),
    timestamps: state(timestamps(gateway)),
    transparency: state(gateway.transparency.trouble()),
  }
}

export function isHealthy(checks: HealthChecks): boolean {
  return Object.values(checks).every(({ ok }) => ok)
}

function state(detail: string | undefined): HealthState {
  return detail === undefined ? { ok: true } : { ok: false, detail }
}

function keys({ keyring, services }: Gateway): string | undefined {
  if (keyring.authentication() === undefined)
    return `no usable authentication certificate: ${keyring.reason('authentication')}`
  const mute = services.snapshot().clients.filter((client) => keyring.signer(client.id) === undefined)
  return mute.length === 0
    ? undefined
    : `no usable signing key: ${[...new Set(mute.map((client) => keyring.reason('message', client.id)))].join('; ')}`
}

function ocsp({ keyring, clock }: Gateway): string | undefined {
  const now = clock.now().getTime()
  const stale = keyring.states().filter((one) => one.usableUntil !== undefined && Date.parse(one.usableUntil) < now)
  return stale.length === 0 ? undefined : `no fresh OCSP answer for ${stale.map((one) => one.subject).join('; ')}`
}

function configuration(gateway: Gateway): string | undefined {
  const current = gateway.configuration.current()
  if (current === undefined)
    return `none yet: ${gateway.configuration.status().lastError ?? 'the first download is under way'}`
  return current.isExpired(gateway.clock.now()) ? `expired at ${current.expiresAt.toISOString()}` : undefined
}

function timestamps({ messageLog }: Gateway): string | undefined {
  const { failingSince, lastError } = messageLog.status()
  return failingSince === undefined ? undefined : `failing since ${failingSince}: ${lastError ?? 'no reason is known'}`
}
