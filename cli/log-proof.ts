// `saadik log prove|checkpoint|consistency`: what a security server's transparent log proves, judged here before it is handed on.
import { writeFile } from 'node:fs/promises'
import { commitmentOf, decodeRecord, recordEntry, SALT_BYTES } from '#evidence'
import { type CheckpointAnswer, type ConsistencyAnswer, controlPaths } from '#security-server/contract'
import {
  type JudgedCheckpoint,
  judgeCheckpoint,
  judgeLogProof,
  leafHash,
  parseLogProof,
  parseNote,
  TransparencyError,
  verifyConsistency,
} from '#transparency'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { readInput, writeOutput } from './files.ts'
import { policyFor } from './log-policy.ts'
import { facts } from './output.ts'
import { controlOf, targetOf } from './targets.ts'

export const prove: Run = async (given, out) => {
  const [id = ''] = given.positionals
  if (!/^\d{1,15}$/.test(id)) throw new CliError('usage', `ID is the number that 'saadik log find' shows, not '${id}'`)
  const control = controlOf(targetOf(given, ['security-server']))
  const policy = await policyFor(given, out)
  const bytes = Buffer.from(await control.get<string>(controlPaths.proof(Number(id))))
  const proof = parseLogProof(bytes)
  const extra = proof.extra ?? new Uint8Array()
  const [salt, record] = [extra.subarray(0, SALT_BYTES), extra.subarray(SALT_BYTES)]
  const judged = judge(() => judgeLogProof(proof, leafHash(recordEntry(commitmentOf(salt, record))), policy))
  const { seq } = decodeRecord(record)
  if (seq !== Number(id)) throw new CliError('failed', `the server gave the proof of record ${seq}`)
  await writeOutput(given.text('output'), bytes, out)
  out.note(`record ${id} is leaf ${proof.index} of ${judged.checkpoint.size}; ${said(judged)}`)
  return 0
}

export const checkpoint: Run = async (given, out) => {
  const control = controlOf(targetOf(given, ['security-server']))
  const stamped = given.on('timestamped')
  const file = given.text('output')
  if (stamped && file === undefined) throw new CliError('usage', 'checkpoint and time-stamp are two files: -o FILE')
  const policy = await policyFor(given, out)
  const answer = await control.get<CheckpointAnswer>(`${controlPaths.checkpoint}${stamped ? '?timestamped=1' : ''}`)
  const bytes = Buffer.from(answer.checkpoint, 'base64')
  const judged = judge(() => judgeCheckpoint(parseNote(bytes), policy))
  await writeOutput(file, bytes, out)
  if (answer.token !== undefined) {
    await writeFile(`${file}.tst`, Buffer.from(answer.token, 'base64'))
    out.note(
      `time-stamp written to ${file}.tst; check it: openssl ts -verify -token_in -in ${file}.tst -data ${file} …`,
    )
  }
  out.note(`${judged.checkpoint.size} leaves of ${judged.checkpoint.origin}; ${said(judged)}`)
  return 0
}

export const consistency: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const control = controlOf(targetOf(given, ['security-server']))
  const policy = await policyFor(given, out)
  const bytes = await readInput(file)
  const old = judge(() => judgeCheckpoint(parseNote(bytes), policy)).checkpoint
  const answer = await control.get<ConsistencyAnswer>(`${controlPaths.consistency}?size=${old.size}`)
  const judged = judge(() => judgeCheckpoint(parseNote(Buffer.from(answer.checkpoint, 'base64')), policy))
  const { origin, size, root } = judged.checkpoint
  const proof = answer.proof.map((hash) => Buffer.from(hash, 'base64'))
  const consistent =
    origin === old.origin && verifyConsistency({ oldSize: old.size, oldRoot: old.root, size, root, proof })
  if (given.on('json')) out.json({ origin, consistent, oldSize: old.size, size, witnessed: judged.witnessed })
  else {
    out.line(
      consistent
        ? `CONSISTENT  the log of ${size} leaves contains the one of ${old.size}`
        : `REWRITTEN  the log of ${size} leaves does not contain the one of ${old.size}`,
    )
    for (const line of facts([
      ['log', origin],
      ['now', said(judged)],
    ]))
      out.line(line)
  }
  return consistent ? 0 : 1
}

/** In words, who stands by a checkpoint. */
export function said({ witnessed, cosignatures }: JudgedCheckpoint): string {
  const by = cosignatures.filter(({ counts }) => counts).map(({ witness }) => witness.name)
  if (by.length === 0) return witnessed ? 'signed; the policy asks for no witness' : 'signed, not yet witnessed'
  return `signed, ${witnessed ? 'witnessed' : 'not yet witnessed by enough'}: ${by.join(', ')}`
}

function judge<T>(judging: () => T): T {
  try {
    return judging()
  } catch (error) {
    if (!(error instanceof TransparencyError)) throw error
    throw new CliError('failed', error.message, { cause: error })
  }
}
