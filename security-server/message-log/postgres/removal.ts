// Removing what was given up (../removal.ts). The commitments stay: the transparent log is made of them.
import type { RemovalStore } from '../log-store.ts'
import type { Lanes } from './lanes.ts'
import type { Session } from './session.ts'
import { SPAN_RECORDS } from './tables.ts'

const REMOVED_TO = `coalesce((SELECT value FROM log_state WHERE key = 'removed_to'), 0)`
/** Never the last record, from which the log goes on, nor one without a time-stamp. */
const GIVE_UP = `
  INSERT INTO log_state SELECT 'removed_to', greatest(${REMOVED_TO}, least($1::bigint, (SELECT max(seq) - 1 FROM log_record),
    (SELECT min(seq) - 1 FROM log_untimestamped))) WHERE RUN
  ON CONFLICT (key) DO UPDATE SET value = excluded.value RETURNING value`
const FILES = `SELECT seq, body_file AS file FROM log_record
  WHERE body_file IS NOT NULL AND seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3`
const FORGET = `
  WITH gone AS (SELECT seq, commitment FROM log_record WHERE seq <= ${REMOVED_TO} ORDER BY seq LIMIT $1),
    kept AS (INSERT INTO log_removed SELECT seq, commitment FROM gone),
    links AS (DELETE FROM log_record_timestamp USING gone WHERE log_record_timestamp.seq = gone.seq),
    records AS (DELETE FROM log_record USING gone WHERE log_record.seq = gone.seq)
  SELECT count(*) AS number FROM gone`
/** The newest stays: it says since when there has been none. */
const FORGET_TIMESTAMPS = `
  DELETE FROM log_timestamp WHERE id < (SELECT max(id) FROM log_timestamp)
    AND NOT EXISTS (SELECT FROM log_record_timestamp WHERE timestamp = log_timestamp.id)`
const FORGET_SPANS = `DELETE FROM log_span WHERE (span + 1) * ${SPAN_RECORDS} <= ${REMOVED_TO}`

export class Removed implements RemovalStore {
  readonly #session: Session
  readonly #lanes: Lanes
  removedTo: number

  constructor(session: Session, lanes: Lanes, removedTo: number) {
    this.#session = session
    this.#lanes = lanes
    this.removedTo = removedTo
  }

  async giveUp(upTo: number): Promise<void> {
    const [row] = await this.#session.write('give-up', GIVE_UP, [upTo])
    this.removedTo = Number(row?.['value'])
  }

  async givenUpFiles(
    after: number,
    limit: number,
  ): Promise<readonly { readonly seq: number; readonly file: string }[]> {
    const rows = await this.#lanes.rows('given-up', FILES, [after, this.removedTo, limit])
    return rows as unknown as { seq: number; file: string }[]
  }

  async forget(limit: number): Promise<number> {
    const [row] = await this.#session.ask(FORGET, [limit], 'forget')
    return Number(row?.['number'])
  }

  async forgetRest(): Promise<boolean> {
    await this.#session.ask(FORGET_TIMESTAMPS)
    await this.#session.ask(FORGET_SPANS)
    return false
  }
}
