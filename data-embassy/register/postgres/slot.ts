// The replication slot: the server keeps for it whatever was not confirmed. When it is gone, or has lost what it kept, no later picture can say what happened
// between; so that is an end, told loudly, and not a new beginning.
import type { PostgresConnection } from '#host'
import { EmbassyError } from '../../error.ts'
import { type Position, readLsn, writePosition } from './position.ts'

export interface Slot {
  readonly confirmed: bigint
  /** Somebody reads from it now. */
  readonly active: boolean
}

export async function findSlot(control: PostgresConnection, name: string): Promise<Slot | undefined> {
  const { rows } = await control.query(
    `SELECT plugin, slot_type, database = current_database() AS here, active, confirmed_flush_lsn::text AS confirmed, wal_status
     FROM pg_replication_slots WHERE slot_name = $1`,
    [name],
  )
  const [slot] = rows
  if (slot === undefined) return undefined
  if (slot['slot_type'] !== 'logical' || slot['plugin'] !== 'pgoutput' || slot['here'] !== true)
    throw new EmbassyError(
      'source_lost',
      `The replication slot ${name} is not this register's: name another in source.postgres.slot`,
    )
  if (slot['wal_status'] === 'lost' || slot['confirmed'] === null)
    throw new EmbassyError(
      'source_lost',
      `The replication slot ${name} has lost changes: the server did not keep its log so long (max_slot_wal_keep_size)`,
    )
  return { confirmed: readLsn(String(slot['confirmed'])), active: slot['active'] === true }
}

/** Throws `source_lost` unless everything behind `from` can still be had. */
export async function slotFrom(control: PostgresConnection, name: string, from: Position): Promise<Slot> {
  const slot = await findSlot(control, name)
  if (slot === undefined)
    throw new EmbassyError(
      'source_lost',
      `The replication slot ${name} is gone: what was committed behind ${writePosition(from)} cannot be had any more`,
    )
  if (slot.confirmed > from.lsn)
    throw new EmbassyError(
      'source_lost',
      `The replication slot ${name} was read beyond ${writePosition(from)} by somebody else`,
    )
  const { rows } = await control.query('SELECT pg_current_wal_insert_lsn()::text AS lsn')
  if (readLsn(String(rows[0]?.['lsn'])) < from.lsn)
    throw new EmbassyError(
      'source_lost',
      `The database is older than ${writePosition(from)}, which was captured: it was set back`,
    )
  return slot
}
