// `node data-embassy/main.ts agent|embassy --config FILE`: at home, beside registers; abroad, where they are kept.
import { parseArgs } from 'node:util'
import { createLog, type Lifecycle, loadConfig, runProcess, systemClock } from '#host'
import { agentSchema, embassySchema } from './config.ts'

const PROCESSES = {
  async agent(file: string, life: Lifecycle) {
    const config = loadConfig(file, agentSchema)
    const { startAgent } = await import('./home/start-agent.ts')
    await startAgent(config, life, createLog({ process: 'agent', level: config.logLevel }))
  },
  async embassy(file: string, life: Lifecycle) {
    // Opened registers are for this user alone.
    process.umask(0o077)
    const config = loadConfig(file, embassySchema)
    const { startEmbassy } = await import('./abroad/start-embassy.ts')
    await startEmbassy(config, life, createLog({ process: 'embassy', level: config.logLevel }), systemClock)
  },
} as const

runProcess('data-embassy', async (life) => {
  const { values, positionals } = parseArgs({ options: { config: { type: 'string' } }, allowPositionals: true })
  const [name = ''] = positionals
  const start = Object.hasOwn(PROCESSES, name) ? PROCESSES[name as keyof typeof PROCESSES] : undefined
  if (start === undefined || values.config === undefined) throw new Error('usage: main.ts agent|embassy --config FILE')
  await start(values.config, life)
})
