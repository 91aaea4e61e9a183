// A process that logs as fast as it can until it is killed, and tells each record on its standard output once the log
// has said that it is durable: `seq queryId sha256-of-body`.
import { createHash, randomBytes } from 'node:crypto'
import { writeSync } from 'node:fs'
import { openMessageLog } from '../../../security-server/message-log/index.ts'
import {
  configurationWith,
  record,
  spooled,
  TestClock,
  TestLog,
} from '../../unit/security-server/message-log/fixture.ts'

/** The second is the key `store` of a configuration, as JSON. */
const [directory = '', store] = process.argv.slice(2)
const configuration = configurationWith([{ name: 'nobody', url: 'http://127.0.0.1:9/', certificate: {} as never }])
const log = await openMessageLog({
  directory,
  store: store === undefined ? undefined : JSON.parse(store),
  configuration: () => configuration,
  settings: { timestamping: 'batch', acceptableFailureSeconds: 0 },
  clock: new TestClock(),
  log: new TestLog(),
})
writeSync(1, 'open\n')

/** One exchange after another: with a small body, a large one, or none; some are given up half-way, as clients do. */
async function exchange(writer: number): Promise<never> {
  for (let turn = 0; ; turn++) {
    const content = randomBytes([0, 900, 70_000, 200_000][turn % 4] ?? 0)
    const queryId = `${process.pid}-${writer}-${turn}`
    if (turn % 7 === 6) {
      const spool = log.spool()
      await spool.write(content)
      await spool.discard()
      continue
    }
    const body = content.length === 0 ? undefined : await spooled(log, content.subarray(0, 500), content.subarray(500))
    const seq = await log.append(record({ queryId, ...(body === undefined ? {} : { body }) }))
    writeSync(1, `${seq} ${queryId} ${body === undefined ? '-' : createHash('sha256').update(content).digest('hex')}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, writer) => exchange(writer)))
