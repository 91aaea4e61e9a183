// `saadik log follow`: an auditor's own copy of a log's leaves, fetched over HTTP and compared at each run.
import { RECORD_ENTRY, succeedsFrom } from '#evidence'
import { HostError } from '#host'
import { TransparencyError } from '#transparency'
import { type Followed, follow as followLog, TransparentLogError } from '#transparent-log'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { readPolicy } from './log-policy.ts'
import { said } from './log-proof.ts'
import { coloured, facts } from './output.ts'

export const follow: Run = async (given, out) => {
  const [url = '', directory = ''] = given.positionals
  const policy = await readPolicy(given)
  if (policy === undefined) throw new CliError('usage', 'whose log? --policy FILE')
  let told = 0
  const followed = await attempt(() =>
    followLog({
      url: url.replace(/\/+$/, ''),
      directory,
      policy,
      isMarked: (entry) => entry[0] !== RECORD_ENTRY,
      onProgress: (leaves, of) => {
        if (given.on('json') || performance.now() - told < 2_000) return
        told = performance.now()
        out.note(`${leaves} of ${of} leaves`)
      },
    }),
  )
  const { found, before, judged } = followed
  const { origin, size } = judged.checkpoint
  if (given.on('json')) out.json({ origin, found, before, size, witnessed: judged.witnessed, ...where(followed) })
  else {
    out.line(headline(followed))
    for (const line of facts([
      ['log', origin],
      ['now', `${size} leaves, ${said(judged)}`],
      ['kept', `${found === 'grown' ? size : before} leaves in ${directory}`],
    ]))
      out.line(line)
  }
  return found === 'grown' ? 0 : 1
}

function where(followed: Followed): { leaf?: number; record?: number | null } {
  if (followed.found !== 'rewritten') return {}
  const { leaf, record, begins } = followed
  return { leaf, record: record === undefined ? null : (succeedsFrom(begins) ?? 1) + record }
}

function headline(followed: Followed): string {
  const { found, before, judged } = followed
  const { size } = judged.checkpoint
  switch (found) {
    case 'grown':
      return `${coloured(['green', 'bold'], 'GROWN')}  by ${size - before} leaves; all of before are there`
    case 'older':
      return `${coloured(['red', 'bold'], 'OLDER')}  it shows ${size} leaves; it has shown ${before}`
    case 'rewritten': {
      const { leaf, record } = where(followed)
      const what = record == null ? '' : `, record ${record}`
      return `${coloured(['red', 'bold'], 'REWRITTEN')}  the first leaf that is another is ${leaf}${what}`
    }
  }
}

async function attempt<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof HostError || error instanceof TransparentLogError)
      throw new CliError(error.code === 'unreachable' ? 'unreachable' : 'failed', error.message, { cause: error })
    if (error instanceof TransparencyError) throw new CliError('failed', error.message, { cause: error })
    throw error
  }
}
