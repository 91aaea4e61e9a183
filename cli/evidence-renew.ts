// `saadik evidence renew`: one more archive time-stamp over containers whose last one will not stand much longer. Many share one: a country's
// evidence is renewed with a few thousand requests, not with one for each message.
import { buildTree, hashesToRenew, type Survey, writeRenewed } from '#evidence'
import type { DigestName } from '#trust'
import { authoritiesOf } from './authorities.ts'
import type { Output, Run } from './command.ts'
import { containersIn, faultOf, openerOf, replaceContainer } from './container-files.ts'
import { standingOf } from './evidence-status.ts'
import { digestOf, horizonOf, whomToBelieve } from './long-term-options.ts'

/** Containers under one time-stamp: each gets ten hashes of a tree over so many, and what is known of them is kept meanwhile. */
const SHARED = 1000

interface Due {
  readonly file: string
  readonly survey: Survey
  readonly until: Date
  /** What the time-stamp has to be over. */
  readonly hashes: readonly Uint8Array[]
}

export const renew: Run = async (given, out) => {
  const whom = await whomToBelieve(given, out)
  const horizon = horizonOf(given)
  const asked = digestOf(given)
  const { stamp } = authoritiesOf(whom.now, given.text('tsa'))
  const counts = { renewed: 0, 'not due': 0, 'gained nothing': 0, refused: 0 }
  let seen = 0

  /** A crash in here leaves each file as it was or renewed; those as they were are due again at the next run. */
  async function renewTogether(group: readonly Due[], digest: DigestName): Promise<void> {
    if (group.length === 0) return
    const leaves = group.map(({ hashes }) => hashes)
    const { root, reduced } = buildTree(digest, leaves)
    const { token, standing } = await stamp(digest, root)
    for (const [at, { file, survey, until }] of group.entries()) {
      // Another hash is a gain of its own; with the same one only a later end is.
      if (standing.until <= until && survey.times.at(-1)?.digest === digest) {
        counts['gained nothing'] += 1
        out.note(
          `${file}: stands until ${until.toISOString()} already; a time-stamp of this authority would not outlast that`,
        )
        continue
      }
      try {
        await replaceContainer(file, writeRenewed(openerOf(file), survey, { digest, tree: reduced[at] ?? [], token }))
        counts.renewed += 1
        out.note(`${file}: good until ${standing.until.toISOString()}, then ${standing.because}`)
      } catch (error) {
        const fault = faultOf(file, error)
        if (fault === undefined) throw error
        refuse(file, fault)
      }
    }
  }

  function refuse(file: string, { code, detail }: { code: string; detail: string }): void {
    counts.refused += 1
    out.note(`${file}: not renewed: ${code}: ${detail}`)
  }

  const groups = new Map<DigestName, Due[]>()
  for await (const file of containersIn(given.positionals)) {
    seen += 1
    progress(seen, counts.renewed, out)
    const found = await standingOf(file, whom)
    if (found.state !== 'good') {
      refuse(file, found)
      continue
    }
    const last = found.survey.times.at(-1)?.digest
    const digest = asked ?? successorOf(last)
    if (found.standing.until >= horizon && (asked === undefined || last === asked)) {
      counts['not due'] += 1
      continue
    }
    let hashes: readonly Uint8Array[]
    try {
      hashes = await hashesToRenew(found.survey, digest, new Date())
    } catch (error) {
      const fault = faultOf(file, error)
      if (fault === undefined) throw error
      refuse(file, fault)
      continue
    }
    const group = groups.get(digest) ?? []
    groups.set(digest, group)
    group.push({ file, survey: found.survey, until: found.standing.until, hashes })
    if (group.length < SHARED) continue
    await renewTogether(group, digest)
    group.length = 0
  }
  for (const [digest, group] of groups) await renewTogether(group, digest)

  if (given.on('json')) out.json({ seen, ...counts })
  else
    out.line(
      Object.entries(counts)
        .map(([what, count]) => `${count} ${what}`)
        .join(', '),
    )
  return counts.refused > 0 ? 1 : 0
}

/** Without --hash the same again, but never less than SHA-512: a renewal is for decades. */
function successorOf(last: DigestName | undefined): DigestName {
  return last?.startsWith('SHA3-') ? last : 'SHA-512'
}

const PROGRESS_EVERY = 1000

function progress(seen: number, renewed: number, out: Output): void {
  if (seen % PROGRESS_EVERY === 0) out.note(`${seen} containers seen, ${renewed} renewed`)
}
