// `security-server --config FILE`: one process, one configuration file. What it keeps and trusts: README.md.
import { parseArgs } from 'node:util'
import { createLog, loadConfig, runProcess, systemClock } from '#host'
import { securityServerSchema } from './config.ts'
import { startSecurityServer } from './server.ts'

runProcess('security-server', async (life) => {
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  if (values.config === undefined) throw new Error('usage: security-server --config FILE')
  const config = loadConfig(values.config, securityServerSchema)
  const log = createLog({ process: 'security-server', level: config.logLevel })
  await startSecurityServer(config, life, log, systemClock)
})
