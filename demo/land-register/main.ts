// The land register as a process: `node main.ts --directory D --host H --port P --security-server URL --client ID --persons ID`.
// It answers its security server, and through the same one it asks the population register.
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { closeHttp, createLog, listen, runProcess } from '#host'
import { landApi } from './api.ts'
import { namesFrom } from './owners.ts'
import { landService } from './soap.ts'
import { openLandStore } from './store.ts'

const OPTIONS = ['directory', 'host', 'port', 'security-server', 'client', 'persons'] as const

runProcess('land-register', async (life) => {
  const { values } = parseArgs({
    options: Object.fromEntries(OPTIONS.map((name) => [name, { type: 'string' }] as const)),
  })
  const given = (name: (typeof OPTIONS)[number]): string => {
    const value = values[name]
    if (typeof value !== 'string' || value === '')
      throw new Error(`usage: main.ts ${OPTIONS.map((option) => `--${option} …`).join(' ')}`)
    return value
  }
  const directory = given('directory')
  const [host, port] = [given('host'), Number(given('port'))]
  const names = namesFrom({
    securityServer: given('security-server'),
    client: given('client'),
    persons: given('persons'),
  })
  life.onStop('client', () => names.close())
  mkdirSync(directory, { recursive: true, mode: 0o700 })

  const log = createLog({ process: 'land-register' })
  const store = openLandStore(join(directory, 'land.db'))
  life.onStop('store', () => store.close())
  const server = createServer(
    { requestTimeout: 30_000, keepAliveTimeout: 60_000 },
    landApi(landService(store, names), store, (line) => log.info('answered', line)),
  )
  await listen(server, host, port)
  life.onStop('listener', () => closeHttp(server, 1_000))
  log.info('register open', { host, port, properties: store.count() })
})
