// `saadik custody bring`: a custodian opens the own share and gives it to the embassy. The share is in this process's memory, and then in the embassy's.
import { ContinuityError, openShare, type Share } from '#continuity'
import { embassyPaths, type RoomStatus } from '#data-embassy/contract'
import { encodeBase64 } from '#trust'
import type { Run } from '../command.ts'
import { CliError } from '../error.ts'
import { readInput } from '../files.ts'
import { embassyOf } from './process.ts'

export const bring: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const identityFile = given.text('identity')
  if (identityFile === undefined) throw new CliError('usage', 'your own key: --identity FILE')
  const control = embassyOf(given)
  const identity = (await readInput(identityFile))
    .toString('utf8')
    .split('\n')
    .find((line) => line.startsWith('AGE-SECRET-KEY-'))
  if (identity === undefined) throw new CliError('unreadable', `${identityFile} has no age key (AGE-SECRET-KEY-…)`)
  const { instance, version, custodian, salt, share } = await opened(
    (await readInput(file)).toString('utf8'),
    identity.trim(),
    file,
  )
  const body = { instance, version, custodian, salt: encodeBase64(salt), share: encodeBase64(share) }
  const room = await control.post<RoomStatus>(embassyPaths.shares, body)
  if (given.on('json')) out.json(room)
  else if (room.open) out.line(`the embassy is open: ${room.custodians.join(', ')} have brought their shares`)
  else out.line(`${room.custodians.length} of ${room.threshold} needed shares are there: ${room.custodians.join(', ')}`)
  return 0
}

async function opened(sealed: string, identity: string, file: string): Promise<Share> {
  try {
    return await openShare(sealed, identity)
  } catch (error) {
    if (error instanceof ContinuityError) throw new CliError('failed', `${file}: ${error.message}`, { cause: error })
    throw error
  }
}
