// A parser that does not come back blocks its thread, so another thread looks: when no input was finished for two minutes it says which
// property hangs, in which seed and at which input, and ends the process.
import { Worker } from 'node:worker_threads'

const PATIENCE_MS = 120_000
const MAX_NAME = 512
/** Inputs since the name was set; octets of the name, 0 when nothing is watched. */
const state = new Int32Array(new SharedArrayBuffer(8))
const name = new Uint8Array(new SharedArrayBuffer(MAX_NAME))

const SOURCE = `
const { workerData: { state, name, patience } } = require('node:worker_threads')
let before = ''
setInterval(() => {
  const what = Buffer.from(name.slice(0, state[1])) + ' SAADIK_PATH=' + state[0]
  if (what === before && state[1] > 0) {
    require('node:fs').writeSync(2, 'HANGS: ' + what + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
  before = what
}, patience)
`

let worker: Worker | undefined

/** Watches from now on; '' for nothing. */
export function watch(what: string): void {
  worker ??= new Worker(SOURCE, { eval: true, workerData: { state, name, patience: PATIENCE_MS } })
  worker.unref()
  state[1] = 0
  state[0] = 0
  state[1] = new TextEncoder().encodeInto(what, name).written
}

/** One more input is done. */
export function tick(): void {
  state[0] = (state[0] ?? 0) + 1
}
