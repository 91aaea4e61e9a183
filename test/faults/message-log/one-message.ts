// Logs one message with a long body, and says when it begins and when the log has it. For a tracer.
import { writeSync } from 'node:fs'
import { openMessageLog } from '../../../security-server/message-log/index.ts'
import {
  configurationWith,
  record,
  spooled,
  TestClock,
  TestLog,
} from '../../unit/security-server/message-log/fixture.ts'

const [directory = ''] = process.argv.slice(2)
const configuration = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])
const log = await openMessageLog({
  directory,
  configuration: () => configuration,
  settings: { timestamping: 'batch', acceptableFailureSeconds: 0, timestampIntervalSeconds: 86_400 },
  clock: new TestClock(),
  log: new TestLog(),
})
writeSync(1, 'begin\n')
await log.append(record({ body: await spooled(log, Buffer.alloc(200_000, 'body')) }))
writeSync(1, 'logged\n')
await log.close()
