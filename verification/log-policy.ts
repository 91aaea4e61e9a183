// Which logs and witnesses an auditor believes: a policy file of C2SP tlog-policy, as text inside his list.
import { type Policy, parsePolicy, TransparencyError } from '#transparency'

export type LogPolicy = Policy

/** The policy, or in words why it is none. */
export function readLogPolicy(text: string): LogPolicy | string {
  try {
    return parsePolicy(Buffer.from(text))
  } catch (error) {
    if (error instanceof TransparencyError) return error.message
    throw error
  }
}
