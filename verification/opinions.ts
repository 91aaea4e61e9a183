// Second opinions: implementations that are not ours judge the same signature. Only what ours could read and found to be over this message is
// shown to them; a disagreement, either way, fails the evidence.
import type { AttachmentTap, Check, Examined, Opinion } from '#evidence'
import { CHECKS } from '#evidence'

export interface SecondOpinion {
  /** Is asked once for each container, before it is read. */
  open(): OpinionSession
}

export interface OpinionSession {
  /** Where the judge needs the attachments themselves. */
  readonly tap?: AttachmentTap
  /** Never throws for what is wrong with the signature. */
  judge(examined: Examined): Promise<Opinion>
  close(): Promise<void>
}

export interface Asked {
  readonly examined: Examined
  /** Undefined when nobody was asked: there was nothing to show. */
  readonly more: { readonly opinions: readonly Opinion[]; readonly checks: readonly Check[] } | undefined
}

/** Lets `examine` read the container with the taps of those who are asked, and asks them. */
export async function asked(
  judges: readonly SecondOpinion[],
  examine: (tap: AttachmentTap | undefined) => Promise<Examined>,
): Promise<Asked> {
  const sessions = judges.map((judge) => judge.open())
  try {
    const examined = await examine(joined(sessions))
    if (judges.length === 0 || examined.coverage === undefined) return { examined, more: undefined }
    const opinions: Opinion[] = []
    for (const session of sessions) opinions.push(await session.judge(examined))
    return { examined, more: { opinions, checks: [compared(examined, opinions)] } }
  } finally {
    for (const session of sessions) await session.close()
  }
}

function joined(sessions: readonly OpinionSession[]): AttachmentTap | undefined {
  const taps = sessions.map(({ tap }) => tap).filter((tap) => tap !== undefined)
  if (taps.length === 0) return undefined
  return (name, body) => taps.reduce((inner, tap) => tap(name, inner), body)
}

/** What ours says of the same thing: the value over SignedInfo, and the digests that stand in it. Trust is another matter. */
function ours({ report }: Examined): boolean {
  return report.checks.every(({ name, ok }) => ok || !(name === CHECKS.value || name.startsWith(CHECKS.digest)))
}

function compared(examined: Examined, opinions: readonly Opinion[]): Check {
  const own = ours(examined) ? 'valid' : 'invalid'
  const heard = opinions.filter(({ says }) => says !== 'nothing')
  const others = heard.filter(({ says }) => says !== own)
  if (others.length > 0)
    return {
      name: CHECKS.opinion,
      ok: false,
      code: 'second_opinion_differs',
      detail: `${others.map(({ by, says, detail }) => `${by} says that the signature is ${says}${detail ? ` (${detail})` : ''}`).join(', ')}; ours says that it is ${own}`,
    }
  if (heard.length > 0) return { name: CHECKS.opinion, ok: true }
  return {
    name: CHECKS.opinion,
    ok: false,
    code: 'no_second_opinion',
    detail:
      opinions.map(({ by, detail }) => `${by}: ${detail ?? 'nothing to say'}`).join('; ') || 'nobody could be asked',
  }
}
