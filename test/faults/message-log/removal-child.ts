// A process that has a log forget its records, some at a time, until it is killed or only the last is left.
import { writeSync } from 'node:fs'
import { openMessageLog } from '../../../security-server/message-log/index.ts'
import { configurationWith, TestClock, TestLog } from '../../unit/security-server/message-log/fixture.ts'

const [directory = ''] = process.argv.slice(2)
const configuration = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])
const log = await openMessageLog({
  directory,
  configuration: () => configuration,
  settings: { timestamping: 'batch', acceptableFailureSeconds: 0 },
  clock: new TestClock(),
  log: new TestLog(),
})
writeSync(1, 'open\n')
const { records } = log.status()
for (let to = log.status().removedTo + 5; to < records + 5; to += 5) {
  writeSync(1, `${to}\n`)
  await log.removeUpTo(to)
}
await log.close()
writeSync(1, 'done\n')
