// Logs records and follows them with the transparent log until all are sealed, or it is killed. Says each record once the log has it, each
// entry of another kind once a signed checkpoint has it, and `sealed` at the end. `records 0` only opens, and checks everything.
import { writeSync } from 'node:fs'
import { connectSigner } from '#signer'
import { logged, open, sealed } from '../../unit/security-server/transparency/fixture.ts'

const [directory = '', socket = '', tokenFile = '', records = '0'] = process.argv.slice(2)
const say = (text: string) => writeSync(1, `${text}\n`)

const signer = await connectSigner({ socket, tokenFile })
const opened = await open({ directory, signer })
say(`open ${opened.messageLog.status().records} ${opened.transparency.status().signedLeaves}`)
for (let left = Number(records); left > 0; left -= 7) {
  await logged(opened, Math.min(7, left))
  say(`logged ${opened.messageLog.status().records}`)
  const entry = Buffer.from([2, process.pid & 0xff, left & 0xff])
  // Whoever gives an entry keeps it until he is told its place.
  void opened.transparency.append(entry).then(
    (index) => say(`entry ${index} ${entry.toString('hex')}`),
    () => undefined,
  )
  await new Promise((resolve) => setTimeout(resolve, 150))
}
await sealed(opened, opened.messageLog.status().records)
say(`sealed ${opened.transparency.provableUpTo()}`)
if (records === '0') {
  for await (const said of opened.transparency.check([])) if ('ok' in said) say(`report ${JSON.stringify(said)}`)
  const { leaves } = opened.transparency.status()
  say(`leaves ${leaves}`)
}
await opened.close()
signer.close()
process.exit(0)
