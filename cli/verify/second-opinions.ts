// Whoever can judge a signature here besides us.
import { type SecondOpinion, xmlCryptoOpinion } from '#verification'
import { CliError } from '../error.ts'
import { xmlsec1Opinion } from './xmlsec1.ts'

/** Throws CliError `unreadable` where there is nobody: an opinion was asked for, and none can be had. */
export async function secondOpinions(): Promise<readonly SecondOpinion[]> {
  const found = await Promise.all([xmlsec1Opinion(), xmlCryptoOpinion()])
  const opinions = found.filter((opinion) => opinion !== undefined)
  if (opinions.length === 0)
    throw new CliError(
      'unreadable',
      'nobody can give a second opinion here: install xmlsec1 (apt-get install xmlsec1) or xml-crypto (npm install xml-crypto)',
    )
  return opinions
}
