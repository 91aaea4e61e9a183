// The evidence bundle of one record: its container, its place in the log, and the configuration that is in force, in one file (evidence/bundle.ts).
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type BundledFile, containerName, writeBundle } from '#evidence'
import { type GlobalConfiguration, keptFolder } from '#global-configuration'
import { ifThere } from '#host'
import { type MessageLog, verificationFiles } from '../message-log/index.ts'
import { HistoryError } from './error.ts'

export interface BundleParts {
  readonly messageLog: MessageLog
  readonly proofOf: (seq: number) => Promise<Uint8Array>
  readonly configuration: GlobalConfiguration | undefined
}

/** Fails at the first chunk where the container or the proof cannot be had. */
export async function* evidenceBundle(parts: BundleParts, seq: number): AsyncGenerator<Uint8Array> {
  const { messageLog, proofOf, configuration } = parts
  const record = await messageLog.get(seq)
  if (record === undefined) throw new HistoryError('record_not_found', `the log has no record ${seq}`)
  const proof = await proofOf(seq)
  yield* writeBundle({
    modifiedAt: record.at,
    name: containerName(record.queryId, record.direction, seq),
    container: () => messageLog.container(seq),
    proof,
    ...(configuration === undefined
      ? {}
      : {
          signedConfiguration: signedFiles(configuration.file().directory),
          verificationConfiguration: verificationFiles(configuration),
        }),
  })
}

/** What was signed, as it was verified and kept; without the private parameters, which judge no message. */
async function* signedFiles(directory: string): AsyncGenerator<BundledFile> {
  const kept = keptFolder(directory)
  for (const entry of await readdir(kept, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name)
    const path = file.slice(kept.length + 1)
    if (!entry.isFile() || entry.name.startsWith('.')) continue
    const bytes = await ifThere(readFile(file))
    const [instance = ''] = path.split('/')
    const hidden = await ifThere(readFile(join(directory, instance, 'private-params.xml')))
    if (bytes !== undefined && !(hidden !== undefined && bytes.equals(hidden))) yield { path, bytes }
  }
}
