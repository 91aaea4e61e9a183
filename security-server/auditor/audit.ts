// Who searched this log, and what was taken from it: every answer is recorded, durably, before it is given. What cannot be recorded is not
// answered.
import { join } from 'node:path'
import { type AuditLine, type AuditTrail, type Clock, openAuditTrail } from '#host'
import { AUDIT_FOLDER } from '../contract.ts'

/** One line. It holds what was asked, which may name persons, and never what was answered. */
export interface SearchAuditEntry extends AuditLine {
  /** The auditor, or `operator`: whoever speaks to the control socket. */
  readonly who: string
  readonly op: 'search' | 'show' | 'attachment' | 'container' | 'bundle' | 'proof' | 'tracker'
  /** The parameters of a search as they came, or the number of a record. */
  readonly asked: string
  /** How many records a search showed. */
  readonly found?: number
  /** `ok`, or the code of the refusal. */
  readonly outcome: string
}

export interface SearchAudit {
  /** Resolves when it is on the disk. Rejects with HostError `audit_failed`. */
  note(entry: Omit<SearchAuditEntry, 'seq' | 'at'>): Promise<void>
  close(): Promise<void>
}

/** @throws {HostError} `audit_failed` where the trail was edited */
export async function openSearchAudit(directory: string, clock: Clock): Promise<SearchAudit> {
  const trail: AuditTrail<Omit<SearchAuditEntry, 'seq' | 'at'>> = await openAuditTrail(
    join(directory, AUDIT_FOLDER),
    clock,
  )
  return {
    async note(entry) {
      trail.record(entry)
      await trail.flush()
    },
    close: () => trail.close(),
  }
}
