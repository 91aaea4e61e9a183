// Commits that home could see before they were safe abroad (embassy.md, "Acknowledgement"): somebody cancelled the wait, the session did not want to wait, or the
// server went down and found the commit in its log again. A transaction that waits for us is still in progress for everybody else; so one that is committed
// when we are about to confirm it was not waiting, and its client was told nothing, or too much.
import type { PostgresConnection } from '#host'
import { writeLsn } from './position.ts'

export interface Unacknowledged {
  /** Of PostgreSQL, 32 bits, as its log and `xmin` show it. */
  readonly xid: number
  /** Behind its commit. */
  readonly lsn: string
  readonly at: Date
}

interface Committed {
  readonly xid: number
  readonly end: bigint
  readonly at: Date
}

/** What is remembered of transactions that wait; there are no more of them than connections, while home waits at all. */
const MAXIMUM = 10_000

const QUERY = `
  WITH moment AS (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::int8 AS next),
  asked AS (SELECT x AS xid, (next & -4294967296) | x AS guess, next FROM moment, unnest($1::int8[]) x)
  SELECT a.xid FROM asked a
  WHERE pg_xact_status((CASE WHEN a.guess > a.next THEN a.guess - 4294967296 ELSE a.guess END)::text::xid8) = 'committed'
    AND (SELECT coalesce(max(r.sync_priority), 1) FROM pg_stat_replication r WHERE r.pid = $2) > 0`

export class Commits {
  readonly #confirmed: () => bigint
  #waiting: Committed[] = []

  /** @param confirmed Before which place everything is safe: a server that crashed sends some of it again. */
  constructor(confirmed: () => bigint) {
    this.#confirmed = confirmed
  }

  add(commit: Committed): void {
    if (commit.end <= this.#confirmed()) return
    this.#waiting.push(commit)
    if (this.#waiting.length > MAXIMUM) this.#waiting.shift()
  }

  /**
   * Those before a place that are visible at home already. They are forgotten, whatever comes of the question.
   *
   * @param sender The server's process that sends to us: only where it is a synchronous standby's anybody waits.
   */
  async visible(before: bigint, control: PostgresConnection, sender: number): Promise<Unacknowledged[]> {
    const asked = this.#waiting.filter(({ end }) => end <= before)
    this.#waiting = this.#waiting.filter(({ end }) => end > before)
    if (asked.length === 0) return []
    const { rows } = await control.query(QUERY, [`{${asked.map(({ xid }) => xid).join(',')}}`, sender])
    const visible = new Set(rows.map(({ xid }) => Number(xid)))
    return asked.filter(({ xid }) => visible.has(xid)).map(({ xid, end, at }) => ({ xid, lsn: writeLsn(end), at }))
  }
}
