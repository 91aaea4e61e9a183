// Archives that go on from one another, and every way in which they may not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type LinkedArchive, runsOfArchives } from '#verification'

const hex = (number: number) => number.toString(16).padStart(128, '0')
const name = (number: number, group = '') =>
  `mlog-${group === '' ? '' : `${group}-`}2031050${number}000000-2031050${number}235959-${hex(number).slice(-16)}.zip`

/** A chain of archives 1…n: each goes on from the one before. */
function chain(count: number, group = '', from = 0): LinkedArchive[] {
  return Array.from({ length: count }, (_, index) => ({
    file: name(index + 1, group),
    previous: index === 0 && from === 0 ? null : { digest: hex(from + index), file: name(index, group) },
    lastDigest: hex(from + index + 1),
  }))
}

const codes = (archives: readonly LinkedArchive[]) => runsOfArchives(archives).checks.map(({ code }) => code)

test('one run, whatever the order in which they come', () => {
  const all = chain(5)
  for (const order of [all, all.toReversed(), [2, 0, 4, 1, 3].map((index) => all[index] as LinkedArchive)]) {
    const { runs, checks } = runsOfArchives(order)
    assert.deepEqual(checks, [])
    assert.deepEqual(runs, [{ group: '', archives: 5, first: name(1), last: name(5), after: null, lastDigest: hex(5) }])
  }
  assert.deepEqual(runsOfArchives([]), { runs: [], checks: [] })
})

test('what lies before the first cannot be told from here, and is named', () => {
  const { runs, checks } = runsOfArchives(chain(5).slice(2))
  assert.deepEqual(checks, [])
  assert.deepEqual(runs[0]?.after, { digest: hex(2), file: name(2) })
})

test('where they must go on from', () => {
  const all = chain(3)
  const wrong = (start: Parameters<typeof runsOfArchives>[1], from = 0) =>
    runsOfArchives(all.slice(from), start).checks.map(({ code }) => code)
  assert.deepEqual(wrong('first'), [])
  assert.deepEqual(wrong('first', 1), ['previous_digest_differs'])
  assert.deepEqual(wrong({ previous: hex(1) }, 1), [])
  assert.deepEqual(wrong({ previous: hex(1) }), ['previous_digest_differs'])
})

test('a missing one is named', () => {
  const { runs, checks } = runsOfArchives(chain(5).filter((_, index) => index !== 2))
  assert.deepEqual(
    checks.map(({ code, detail }) => [code, detail]),
    [['archive_missing', `Between ${name(2)} and ${name(4)} there is no ${name(3)}`]],
  )
  assert.equal(runs.length, 2)
})

test('one that was exchanged, put in between, or begins anew', () => {
  const all = chain(4)
  const exchanged = all.map((archive, index) => (index === 1 ? { ...archive, lastDigest: hex(99) } : archive))
  assert.deepEqual(codes(exchanged), ['archive_differs'])
  const between: LinkedArchive = { file: name(8), previous: { digest: hex(2), file: name(2) }, lastDigest: hex(77) }
  assert.ok(codes([...all, between]).includes('archive_forked'))
  const anew = chain(2).map((archive, index) => ({
    ...archive,
    file: name(6 + index),
    previous: index === 0 ? null : { digest: hex(60), file: name(6) },
    lastDigest: hex(60 + index),
  }))
  assert.deepEqual(codes([...all, ...anew]), ['archive_missing'])
})

test('each group has its own chain, and copies count once', () => {
  const groups = [
    ...chain(3, 'DEMO_GOV_1'),
    ...chain(2, 'DEMO_GOV_2', 10).map((one, index) => (index === 0 ? { ...one, previous: null } : one)),
  ]
  const { runs, checks } = runsOfArchives([...groups, ...groups])
  assert.deepEqual(checks, [])
  assert.deepEqual(
    runs.map(({ group, archives }) => [group, archives]),
    [
      ['DEMO_GOV_1', 3],
      ['DEMO_GOV_2', 2],
    ],
  )
})

test('a ring is none', () => {
  const ring = chain(3).map((archive, index) =>
    index === 0 ? { ...archive, previous: { digest: hex(3), file: name(3) } } : archive,
  )
  assert.deepEqual(codes(ring), ['archive_ring'])
})
