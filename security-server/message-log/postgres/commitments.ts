// Commitments of a log in PostgreSQL; those of records that were removed too, so that a tree can be built from the first one on.
import type { PostgresSettings } from '#host'
import type { Commitments } from '../commitments.ts'
import { Lanes } from './lanes.ts'

const AFTER = `
  (SELECT seq, commitment FROM log_removed WHERE seq > $1 ORDER BY seq LIMIT $2)
  UNION ALL (SELECT seq, commitment FROM log_record WHERE seq > $1 ORDER BY seq LIMIT $2) ORDER BY seq LIMIT $2`

export function openCommitmentsInPostgres(settings: PostgresSettings): Commitments {
  const lanes = new Lanes(settings, 1)
  return {
    async last() {
      const [row] = await lanes.rows('last', 'SELECT coalesce(max(seq), 0) AS seq FROM log_record', [])
      return Number(row?.['seq'])
    },
    async after(seq, limit) {
      const rows = await lanes.rows('after', AFTER, [seq, limit])
      return rows.map((row) => row['commitment'] as Uint8Array)
    },
    close: () => lanes.close(),
  }
}
