// Whose bodies are logged (wire-message §9.2): everybody's, or nobody's, but of the subsystems that are named as exceptions. It is the provider
// that decides, in both directions: of our own when they are asked, of others' when ours ask them.
import { z } from 'zod'
import { type ClientId, idKey, parseClientId, type Side } from '#protocol'

const subsystems = z
  .array(z.string().refine(isSubsystem, 'must be INSTANCE/CLASS/MEMBER/SUBSYSTEM'))
  .max(10_000)
  .default([])

export const bodyLoggingSchema = z.strictObject({
  /** Without bodies a record has the reduced form of its message (protocol/reduced.ts) and all digests: its evidence is INDETERMINATE. */
  enabled: z.boolean().default(true),
  /** For which the opposite holds. */
  except: z
    .strictObject({
      /** Subsystems of this server, as providers. */
      localProducers: subsystems,
      /** Subsystems that those of this server ask. */
      remoteProducers: subsystems,
    })
    .prefault({}),
})

export type BodyLoggingSettings = z.infer<typeof bodyLoggingSchema>

/** Whether the log keeps the bodies of an exchange with this provider. */
export type LogsBodies = (side: Exclude<Side, 'client'>, provider: ClientId) => boolean

export function bodyLogging({ enabled, except }: BodyLoggingSettings): LogsBodies {
  const keys = (written: readonly string[]) => new Set(written.map((id) => idKey(parseClientId(id))))
  const [local, remote] = [keys(except.localProducers), keys(except.remoteProducers)]
  return (side, provider) => {
    const exceptions = side === 'server.serverproxy' ? local : remote
    return exceptions.has(idKey(provider)) !== enabled
  }
}

function isSubsystem(written: string): boolean {
  try {
    return parseClientId(written).subsystemCode !== undefined
  } catch {
    return false
  }
}
