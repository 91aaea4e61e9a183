// `signer --config FILE`: the process that holds private keys. It opens no network socket, inward or outward.
import { parseArgs } from 'node:util'
import { createLog, loadConfig, runProcess, systemClock } from '#host'
import { signerSchema } from './config.ts'
import { startSigner } from './server.ts'

runProcess('signer', async (life) => {
  // Whatever is written here is for this user alone.
  process.umask(0o077)
  const { values } = parseArgs({ options: { config: { type: 'string' } } })
  if (values.config === undefined) throw new Error('usage: signer --config FILE')
  const config = loadConfig(values.config, signerSchema)
  const signer = await startSigner(config, createLog({ process: 'signer', level: config.logLevel }), systemClock)
  life.onStop('signer', () => signer.close())
})
