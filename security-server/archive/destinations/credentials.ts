// Who we are to an S3-compatible store. Read at each run: such credentials are changed often.
import { readFile } from 'node:fs/promises'
import { environment, reasonOf } from '#host'
import { ArchiveError } from '../error.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of temporary credentials. */
  readonly sessionToken?: string
}

const NAMES = {
  accessKeyId: 'AWS_ACCESS_KEY_ID',
  secretAccessKey: 'AWS_SECRET_ACCESS_KEY',
  sessionToken: 'AWS_SESSION_TOKEN',
}

/**
 * From the profile `default` of an AWS credentials file, or from the environment where no file is named.
 *
 * @throws {ArchiveError} `credentials_missing`
 */
export async function readCredentials(file: string | undefined): Promise<Credentials> {
  const where = file ?? 'the environment'
  let values: ReadonlyMap<string, string>
  try {
    values = file === undefined ? fromEnvironment() : readProfile(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new ArchiveError('credentials_missing', `${where} cannot be read: ${reasonOf(cause)}`, { cause })
  }
  const value = (name: string) => values.get(name.toLowerCase()) ?? ''
  const [accessKeyId, secretAccessKey] = [value(NAMES.accessKeyId), value(NAMES.secretAccessKey)]
  if (accessKeyId === '' || secretAccessKey === '')
    throw new ArchiveError(
      'credentials_missing',
      `${where} has no ${(accessKeyId === '' ? NAMES.accessKeyId : NAMES.secretAccessKey).toLowerCase()}`,
    )
  const sessionToken = value(NAMES.sessionToken)
  return { accessKeyId, secretAccessKey, ...(sessionToken !== '' && { sessionToken }) }
}

function fromEnvironment(): ReadonlyMap<string, string> {
  return new Map(Object.values(NAMES).map((name) => [name.toLowerCase(), environment(name) ?? '']))
}

/** `[default]`, then `name = value`; other profiles are passed over. */
function readProfile(text: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  let profile = ''
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[([^\]]*)\]/.exec(line)
    if (section !== null) profile = (section[1] ?? '').trim()
    const [, name, value] = /^\s*([A-Za-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (profile === 'default' && name !== undefined && value !== undefined) values.set(name.toLowerCase(), value)
  }
  return values
}
