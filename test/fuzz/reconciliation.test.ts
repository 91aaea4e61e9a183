// Statements of strangers: whatever is changed in one, it is refused or says the same; never is less found than is there.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { compareStatements, readStatement, StatementError } from '#evidence'
import { collect } from '#protocol'
import { exchange, noTurn, ours, SECRET, theirs } from '../unit/evidence/reconciliation/parties.ts'
import { property } from './campaign.ts'
import { chunked, cuts, mutated } from './mutate.ts'

const [here, there] = [ours(), theirs()]
for (let at = 0; at < 6; at += 1) {
  exchange(here, there)
  there.other()
  exchange(there, here)
}
here.log('consumer', { requestId: 'alone' })
there.log('provider', { requestId: 'only there' })
const [one, two] = [await here.statement(), await there.statement()]

function compare(bytes: Buffer, sizes: readonly number[] = [4096]) {
  return compareStatements({
    here: () => chunked(one, sizes),
    there: () => chunked(bytes, sizes),
    secret: SECRET,
    ...{ most: 100, mostExchanges: 10, turn: noTurn },
  })
}
const honest = await compare(two)

property('statements: the same in whatever pieces they come', { short: 10, long: 500 }, cuts, async (sizes) => {
  assert.deepEqual(await compare(two, sizes), honest)
  return true
})

property(
  'statements: one that was changed is refused, or says the same of messages',
  { short: 400, long: 40_000 },
  mutated([two]),
  async (bytes) => {
    try {
      const { report, findings } = await compare(bytes)
      // What names servers, times of retention and the note's signatures is the side's own word.
      assert.deepEqual([report.agreed, report.there[0]?.list], [honest.report.agreed, honest.report.there[0]?.list])
      if (report.there[0]?.unproven === 0) assert.equal(findings.length, honest.findings.length)
      return true
    } catch (error) {
      if (error instanceof StatementError) return false
      throw error
    }
  },
)

property('statements: octets of anybody are refused', 300, fc.uint8Array({ maxLength: 400 }), async (bytes) => {
  const text = Buffer.concat([Buffer.from('saadik reconciliation statement v1\n'), bytes])
  for (const source of [bytes, text])
    await assert.rejects(
      collect(pages(chunked(Buffer.from(source), [7])), 1 << 20),
      (error) => error instanceof StatementError && error.code === 'malformed_statement',
    )
  return false
})

async function* pages(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const part of readStatement(source)) if (part.kind !== 'head') yield part.page
}
