// A real signer in a process of its own, with fresh keys, ended with the test.
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'
import { runtimeSocket } from '#host'
import { connectSigner, type SignerClient } from '#signer'
import { type Program, run, scratch } from '../host/scratch.ts'

export const PIN = 'correct horse'
const main = resolve(import.meta.dirname, '..', '..', '..', 'signer', 'main.ts')

export interface TestSigner {
  readonly home: string
  /** Where the keys are. */
  readonly directory: string
  readonly socket: string
  readonly tokenFile: string
  /** Starts a process on the same directory and waits until it is ready. */
  start(options?: { pin?: string | false }): Promise<Program>
  /** As `start`, without waiting. */
  launch(options?: { pin?: string | false }): Program
  /** A client that is closed with the test. */
  connect(options?: { reconnect?: boolean; tokenFile?: string }): Promise<SignerClient>
}

/** `pin: false` starts it locked. */
export function testSigner(t: TestContext): TestSigner {
  const home = scratch(t)
  const directory = join(home, 'keys')
  const socket = runtimeSocket(directory, 'signer')
  const tokenFile = join(directory, 'token')
  const signer: TestSigner = {
    home,
    directory,
    socket,
    tokenFile,
    launch({ pin = PIN } = {}) {
      const config = join(home, 'signer.yaml')
      const pinFile = join(home, 'pin')
      if (pin !== false) writeFileSync(pinFile, `${pin}\n`, { mode: 0o600 })
      writeFileSync(config, `directory: ${directory}\n${pin === false ? '' : `pin: {file: ${pinFile}}\n`}`)
      return run(t, [main, '--config', config], { SAADIK_PARENT: 'stdin' })
    },
    async start(options) {
      const program = signer.launch(options)
      await program.printed('"ready":true')
      return program
    },
    async connect(options) {
      const client = await connectSigner({ socket, tokenFile, ...options })
      t.after(() => client.close())
      return client
    },
  }
  return signer
}

export async function startedSigner(
  t: TestContext,
): Promise<TestSigner & { readonly program: Program; readonly client: SignerClient }> {
  const signer = testSigner(t)
  const program = await signer.start()
  return { ...signer, program, client: await signer.connect() }
}
