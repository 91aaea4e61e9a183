// `saadik reconcile key`, `statement`, `compare`: the same for parties that cannot reach each other.
import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { compareStatements, SECRET_BYTES, type ShownRecord, StatementError, whyNotSigned } from '#evidence'
import type { ClientId } from '#protocol'
import { controlPaths } from '#security-server/contract'
import { decodeBase64, encodeBase64, hasher } from '#trust'
import type { Arguments, Output, Run } from '../command.ts'
import { download } from '../control-stream.ts'
import { CliError } from '../error.ts'
import { readInput } from '../files.ts'
import { policyIn } from '../log-policy.ts'
import { targetOf } from '../targets.ts'
import { downloadConfiguration } from '../trust.ts'
import { readTrustSpec, trustOf } from '../verify/trust-spec.ts'
import { showFindings, showReport } from './text.ts'
import { wantedOf } from './wanted.ts'

/** 41 octets in memory for each. */
const MOST_MESSAGES = 10_000_000
const MOST_EXCHANGES = 50_000
const SHOWN = 50

export const key: Run = async (given, out) => {
  const file = given.text('output')
  if (file === undefined) throw new CliError('usage', 'which file? -o FILE')
  try {
    await writeFile(file, `${encodeBase64(randomBytes(SECRET_BYTES))}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new CliError('failed', `${file} cannot be made: ${(cause as Error).message}`, { cause })
  }
  out.note(
    `written to ${file}; the other party needs the same file, and nobody else: whoever has it can try out values`,
  )
  return 0
}

export const statement: Run = async (given, out) => {
  const file = given.text('output')
  if (file === undefined) throw new CliError('usage', 'where to? -o FILE')
  const secret = encodeBase64(await keyOf(given))
  await download(targetOf(given, ['security-server']), controlPaths.reconciliationStatement, file, {
    ...wantedOf(given),
    secret,
  })
  out.line(`${await sha256Of(file)}  ${file}`)
  out.note('tell the other party this digest before either of you sees the statement of the other')
  return 0
}

export const compare: Run = async (given, out) => {
  const [here = '', there = ''] = given.positionals
  const policyFile = given.text('policy')
  const judge = await signatureJudge(given, out)
  let comparison: Awaited<ReturnType<typeof compareStatements>>
  try {
    comparison = await compareStatements({
      here: () => source(here),
      there: () => source(there),
      secret: await keyOf(given),
      ...(policyFile === undefined ? {} : { policy: policyIn(policyFile, await readInput(policyFile)) }),
      ...(judge && { judgeSignature: judge }),
      ...{ most: MOST_MESSAGES, mostExchanges: MOST_EXCHANGES, turn: () => undefined },
    })
  } catch (error) {
    if (!(error instanceof StatementError)) throw error
    throw new CliError('unreadable', error.message, { cause: error })
  }
  const { report, findings } = comparison
  if (given.on('json')) out.json({ report, findings })
  else {
    showReport(report, out)
    showFindings(findings.slice(0, SHOWN), out)
    if (findings.length > SHOWN) out.note(`${findings.length - SHOWN} more: --json`)
  }
  return report.inAgreement ? 0 : 1
}

/** By whom the auditor believes; undefined where he names nobody: then signatures are not judged. */
async function signatureJudge(given: Arguments, out: Output) {
  const named = [...given.texts('conf'), ...given.texts('pinned'), ...given.texts('configuration')]
  const anchor = given.text('anchor')
  if (named.length === 0 && anchor === undefined) return undefined
  const spec = await readTrustSpec(given, out)
  const trust = trustOf(spec, spec.download && anchor ? await downloadConfiguration(anchor) : undefined)
  return (shown: ShownRecord, signer: ClientId): boolean | undefined => {
    const believed = trust.at(new Date(shown.record.at))
    return believed && whyNotSigned(shown, signer, believed.trust) === undefined
  }
}

async function keyOf(given: Arguments): Promise<Uint8Array> {
  const file = given.text('key')
  if (file === undefined) throw new CliError('usage', "with which key? --key FILE; 'saadik reconcile key' makes one")
  const bytes = decodeBase64((await readInput(file)).toString('utf8').trim())
  if (bytes !== undefined && bytes.length >= SECRET_BYTES) return bytes
  throw new CliError('unreadable', `${file} is no key: ${SECRET_BYTES} octets in base64`)
}

async function* source(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 256 * 1024 })
  } catch (cause) {
    throw new CliError('unreadable', `${file} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

async function sha256Of(file: string): Promise<string> {
  const state = hasher('SHA-256')
  const handle = await open(file)
  try {
    for await (const chunk of handle.createReadStream()) state.update(chunk as Buffer)
  } finally {
    await handle.close()
  }
  return Buffer.from(state.digest()).toString('hex')
}
