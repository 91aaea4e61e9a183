// A register's own program over what was restored: a child that ends with this process, whatever happens.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Log, listen } from '#host'
import { EmbassyError } from '../error.ts'

const READY_MS = 60_000
const STOP_MS = 5_000
const HOST = '127.0.0.1'

export interface Program {
  readonly url: URL
  stop(): Promise<void>
}

/**
 * Starts it and waits until it listens. `{database}`, `{folder}` and `{port}` in the command are the restored file, its folder and the port.
 *
 * @throws {EmbassyError} `program_failed` with the last of what it said
 */
export async function startProgram(command: readonly string[], database: string, log: Log): Promise<Program> {
  const port = await freePort()
  const [file = '', ...args] = command.map((word) =>
    word
      .replaceAll('{database}', database)
      .replaceAll('{folder}', dirname(database))
      .replaceAll('{port}', String(port)),
  )
  // Its standard input is a pipe that ends with this process, as for every program of the house.
  const child = spawn(file, args, {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { ...process.env, SAADIK_PARENT: 'stdin' },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  const failed = new Promise<never>((_, reject) => {
    const fail = (why: string) =>
      reject(new EmbassyError('program_failed', `The register's program ${why}: ${said.trim()}`))
    child
      .once('error', (error) => fail(error.message))
      .once('exit', (code, signal) => fail(`ended (${signal ?? code})`))
  })
  failed.catch((error: Error) => log.warn("a register's program is gone", { reason: error.message }))
  const stop = () => stopChild(child)
  try {
    await Promise.race([failed, listening(port)])
    return { url: new URL(`http://${HOST}:${port}`), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const ended = once(child, 'exit')
  child.kill()
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await ended
  clearTimeout(timer)
}

async function freePort(): Promise<number> {
  const server = createServer()
  const { port } = await listen(server, HOST, 0)
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(port: number): Promise<void> {
  for (const until = performance.now() + READY_MS; ; await sleep(50)) {
    if (await answers(port)) return
    if (performance.now() > until)
      throw new EmbassyError('program_failed', `The register's program does not listen after ${READY_MS / 1000} s`)
  }
}

async function answers(port: number): Promise<boolean> {
  const { connect } = await import('node:net')
  const socket = connect(port, HOST)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
