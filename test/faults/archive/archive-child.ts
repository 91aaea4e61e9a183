// A process that archives a log and cleans it, until it is killed or done. It says when the archive is open, each file, and when all is done.
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '#host'
import { archiveSchema, openArchive } from '../../../security-server/archive/index.ts'
import { openMessageLog } from '../../../security-server/message-log/index.ts'
import { configurationWith, TestClock } from '../../unit/security-server/message-log/fixture.ts'

const [directory = '', settings = '{}'] = process.argv.slice(2)
const configuration = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])
const log: Log = { error: () => undefined, warn: () => undefined, info: say, debug: () => undefined }
const messageLog = await openMessageLog({
  directory: join(directory, 'log'),
  configuration: () => configuration,
  settings: { timestamping: 'batch', acceptableFailureSeconds: 0 },
  clock: new TestClock(),
  log,
})
const archive = await openArchive({
  directory,
  place: { file: join(directory, 'archive.sqlite') },
  messageLog,
  settings: archiveSchema.parse({ intervalHours: 168, ...JSON.parse(settings) }),
  proofs: { provableUpTo: () => Number.MAX_SAFE_INTEGER, proofOf: async (seq) => Buffer.from(`proof of ${seq}`) },
  // Everything is old.
  clock: new TestClock(new Date('2027-01-01T00:00:00Z')),
  log,
})
writeSync(1, 'open\n')
await archive.run()
writeSync(1, 'done\n')
await archive.close()
await messageLog.close()

function say(message: string): void {
  writeSync(1, `${message}\n`)
}
