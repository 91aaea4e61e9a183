// What runs have found, kept for who wants to see it later: runs that this server asked for, and those that it was asked for.
import type { Generated } from 'kysely'
import type { Finding, ReconciliationReport, Terms } from '#evidence'
import { type Migration, openStore, type Store, type StorePlace } from '#host'
import { shortId } from '#protocol'
import { MAX_FINDINGS } from './conclusion.ts'
import type { ReconciliationCode } from './error.ts'

/** As it is shown; times in ISO 8601. */
export interface RunSummary {
  readonly run: string
  /** Whether this server has asked, or was asked. */
  readonly asked: boolean
  readonly here: string
  readonly there: string
  readonly from: string
  readonly to: string
  readonly startedAt: string
  readonly endedAt?: string
  readonly state: 'running' | 'done' | 'failed'
  readonly inAgreement?: boolean
  readonly error?: { readonly code: ReconciliationCode | string; readonly message: string }
}

export interface RunResult extends RunSummary {
  readonly report?: ReconciliationReport
  /** What the other side's servers have found, as they say. */
  readonly theirs: readonly ReconciliationReport[]
  /** Records of the message log in which the other side's servers have signed that. */
  readonly signed: readonly number[]
}

export interface Outcome {
  readonly report: ReconciliationReport
  readonly findings: readonly Finding[]
  readonly theirs: readonly ReconciliationReport[]
  readonly signed: readonly number[]
}

interface Tables {
  run: {
    seq: Generated<number>
    name: string
    asked: number
    here: string
    there: string
    from_at: number
    to_at: number
    started_at: number
    ended_at: number | null
    state: string
    /** JSON of a RunResult's report, theirs, signed. */
    report: string | null
    theirs: string | null
    signed: string | null
    in_agreement: number | null
    error_code: string | null
    error_text: string | null
  }
  finding: { run: number; number: number; content: string }
}

const MIGRATIONS: readonly Migration[] = [
  {
    name: '001-runs',
    async up(db) {
      await db.schema
        .createTable('run')
        .addColumn('seq', 'integer', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('asked', 'integer', (column) => column.notNull())
        .addColumn('here', 'text', (column) => column.notNull())
        .addColumn('there', 'text', (column) => column.notNull())
        .addColumn('from_at', 'integer', (column) => column.notNull())
        .addColumn('to_at', 'integer', (column) => column.notNull())
        .addColumn('started_at', 'integer', (column) => column.notNull())
        .addColumn('ended_at', 'integer')
        .addColumn('state', 'text', (column) => column.notNull())
        .addColumn('report', 'text')
        .addColumn('theirs', 'text')
        .addColumn('signed', 'text')
        .addColumn('in_agreement', 'integer')
        .addColumn('error_code', 'text')
        .addColumn('error_text', 'text')
        .execute()
      await db.schema
        .createTable('finding')
        .addColumn('run', 'integer', (column) => column.notNull().references('run.seq'))
        .addColumn('number', 'integer', (column) => column.notNull())
        .addColumn('content', 'text', (column) => column.notNull())
        .addPrimaryKeyConstraint('finding_number', ['run', 'number'])
        .execute()
    },
  },
]

/** Older ones are forgotten. */
const KEPT_RUNS = 200
const ROWS_AT_ONCE = 500

export class Results {
  readonly #store: Store<Tables>

  constructor(place: StorePlace) {
    this.#store = openStore<Tables>(place, MIGRATIONS)
  }

  /** Runs that a stop has cut off are over. */
  async ready(now: Date): Promise<void> {
    await this.#store.db
      .updateTable('run')
      .set({ state: 'failed', ended_at: now.getTime(), error_code: 'interrupted', error_text: 'The server stopped' })
      .where('state', '=', 'running')
      .execute()
  }

  async begin(
    terms: Terms,
    asked: boolean,
    parties: { here: Terms['parties'][0]; there: Terms['parties'][0] },
    at: Date,
  ): Promise<void> {
    const { run, from, to } = terms
    await this.#store.db
      .insertInto('run')
      .values({
        name: run,
        asked: asked ? 1 : 0,
        here: shortId(parties.here),
        there: shortId(parties.there),
        from_at: from,
        to_at: to,
        started_at: at.getTime(),
        state: 'running',
      })
      .execute()
    await this.#forget()
  }

  async has(run: string): Promise<boolean> {
    return (await this.#row(run)) !== undefined
  }

  async done(run: string, { report, findings, theirs, signed }: Outcome, at: Date): Promise<void> {
    await this.#store.db.transaction().execute(async (transaction) => {
      const { seq } = await transaction
        .updateTable('run')
        .set({
          state: 'done',
          ended_at: at.getTime(),
          report: JSON.stringify(report),
          theirs: JSON.stringify(theirs),
          signed: JSON.stringify(signed),
          in_agreement: report.inAgreement ? 1 : 0,
        })
        .where('name', '=', run)
        .returning('seq')
        .executeTakeFirstOrThrow()
      const rows = findings
        .slice(0, MAX_FINDINGS)
        .map((finding, number) => ({ run: seq, number, content: JSON.stringify(finding) }))
      for (let first = 0; first < rows.length; first += ROWS_AT_ONCE)
        await transaction
          .insertInto('finding')
          .values(rows.slice(first, first + ROWS_AT_ONCE))
          .execute()
    })
  }

  async failed(run: string, error: { readonly code: string; readonly message: string }, at: Date): Promise<void> {
    await this.#store.db
      .updateTable('run')
      .set({ state: 'failed', ended_at: at.getTime(), error_code: error.code, error_text: error.message })
      .where('name', '=', run)
      .execute()
  }

  /** Newest first. */
  async list(limit: number): Promise<readonly RunSummary[]> {
    const rows = await this.#store.db.selectFrom('run').selectAll().orderBy('seq', 'desc').limit(limit).execute()
    return rows.map(summary)
  }

  async get(run: string): Promise<RunResult | undefined> {
    const row = await this.#row(run)
    if (row === undefined) return undefined
    return {
      ...summary(row),
      ...(row.report === null ? {} : { report: JSON.parse(row.report) as ReconciliationReport }),
      theirs: row.theirs === null ? [] : (JSON.parse(row.theirs) as ReconciliationReport[]),
      signed: row.signed === null ? [] : (JSON.parse(row.signed) as number[]),
    }
  }

  /** From one on. */
  async findings(run: string, first: number, limit: number): Promise<readonly Finding[]> {
    const rows = await this.#store.db
      .selectFrom('finding')
      .innerJoin('run', 'run.seq', 'finding.run')
      .select('content')
      .where('run.name', '=', run)
      .where('number', '>=', first)
      .orderBy('number')
      .limit(limit)
      .execute()
    return rows.map(({ content }) => JSON.parse(content) as Finding)
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #row(run: string): Promise<(Tables['run'] & { seq: number }) | undefined> {
    return this.#store.db.selectFrom('run').selectAll().where('name', '=', run).executeTakeFirst() as never
  }

  async #forget(): Promise<void> {
    const oldest = await this.#store.db
      .selectFrom('run')
      .select('seq')
      .orderBy('seq', 'desc')
      .offset(KEPT_RUNS)
      .limit(1)
      .executeTakeFirst()
    if (oldest === undefined) return
    await this.#store.db.deleteFrom('finding').where('run', '<=', oldest.seq).execute()
    await this.#store.db.deleteFrom('run').where('seq', '<=', oldest.seq).execute()
  }
}

function summary(row: Omit<Tables['run'], 'seq'>): RunSummary {
  const time = (at: number) => new Date(at).toISOString()
  return {
    run: row.name,
    asked: row.asked === 1,
    here: row.here,
    there: row.there,
    from: time(row.from_at),
    to: time(row.to_at),
    startedAt: time(row.started_at),
    ...(row.ended_at === null ? {} : { endedAt: time(row.ended_at) }),
    state: row.state as RunSummary['state'],
    ...(row.in_agreement === null ? {} : { inAgreement: row.in_agreement === 1 }),
    ...(row.error_code === null ? {} : { error: { code: row.error_code, message: row.error_text ?? '' } }),
  }
}
