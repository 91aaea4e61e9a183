// The population register as a process: `node main.ts --directory D --host H --port P`.
// It stands for any institution's information system; the security server in front of it is its only caller.
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeHttp, createLog, listen, runProcess } from '#host'
import { registerApi } from './api.ts'
import { openRegister } from './store.ts'

runProcess('population-register', async (life) => {
  const { values } = parseArgs({
    options: { directory: { type: 'string' }, host: { type: 'string' }, port: { type: 'string' } },
  })
  const { directory, host, port } = values
  if (!directory || !host || !port) throw new Error('usage: main.ts --directory D --host H --port P')
  mkdirSync(directory, { recursive: true, mode: 0o700 })

  const log = createLog({ process: 'population-register' })
  const store = openRegister(join(directory, 'register.db'))
  life.onStop('store', () => store.close())
  const server = createServer(
    { requestTimeout: 30_000, keepAliveTimeout: 60_000 },
    registerApi(store, (line) => log.info('answered', line)),
  )
  await listen(server, host, Number(port))
  life.onStop('listener', () => closeHttp(server, 1_000))
  log.info('register open', { host, port, persons: store.count() })
})
