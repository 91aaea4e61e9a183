// What happened, counted: exchanges by side and outcome, refusals by code. Read by status and health, later by metrics.
export interface Counters {
  count(side: 'consumer' | 'provider', outcome: string): void
  snapshot(): { readonly since: string; readonly counts: Readonly<Record<string, number>> }
}

/** Codes come from peers too; past this many distinct ones the rest are counted together. */
const MAX_DISTINCT = 1000

export function createCounters(): Counters {
  const since = new Date().toISOString()
  const counts = new Map<string, number>()
  return {
    count(side, outcome) {
      const wanted = `${side}.${outcome}`
      const key = counts.has(wanted) || counts.size < MAX_DISTINCT ? wanted : `${side}.other`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    snapshot: () => ({ since, counts: Object.fromEntries([...counts].sort()) }),
  }
}
