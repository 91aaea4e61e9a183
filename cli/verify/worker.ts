// A thread that judges files, one after another. It makes its own trust of the bytes that it is given.
import { parentPort, workerData } from 'node:worker_threads'
import type { ContainerReport, Files, Trust } from '#verification'
import { CliError } from '../error.ts'
import { isUnusable } from '../trust.ts'
import { judgePath } from './judge-path.ts'
import { secondOpinions } from './second-opinions.ts'
import { BATCH, CREDIT, type FromWorker, type ToWorker, type WorkerSettings } from './threads.ts'
import { trustOf } from './trust-spec.ts'
import type { Task } from './walk.ts'

const port = parentPort
if (port === null) throw new Error('this is a thread of saadik verify')
const { spec, secondOpinion } = workerData as WorkerSettings
const say = (message: FromWorker) => port.postMessage(message)
const base = trustOf(spec)
const opinions = secondOpinion ? await secondOpinions() : []

let credit = CREDIT
let refilled = () => {}
let told: (files: Files) => void = () => {}
let refused: (error: Error) => void = () => {}
let whole: Promise<Trust> | undefined

/** With the anchor's configuration, which the main thread downloads for all. */
function trust(): Promise<Trust> {
  if (!spec.download) return Promise.resolve(base)
  whole ??= new Promise<Files>((resolve, reject) => {
    told = resolve
    refused = reject
    say({ type: 'want-trust' })
  }).then((files) => trustOf(spec, files))
  return whole
}

async function judge(task: Task): Promise<void> {
  let batch: ContainerReport[] = []
  const send = async () => {
    if (batch.length === 0) return
    if (credit === 0)
      await new Promise<void>((resolve) => {
        refilled = resolve
      })
    credit -= 1
    say({ type: 'containers', reports: batch })
    batch = []
  }
  const report = await judgePath(task, { spec, base, trust, opinions }, async (one) => {
    batch.push(one)
    if (batch.length === BATCH) await send()
  })
  await send()
  say({ type: 'file', report })
}

port.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'judge':
      judge(message.task).catch((error: Error) =>
        say({ type: 'failed', message: error.message, code: isUnusable(error) ? 'unreadable' : 'fault' }),
      )
      break
    case 'more':
      credit += 1
      refilled()
      break
    case 'trust':
      told(message.files)
      break
    case 'no-trust':
      refused(new CliError('unreadable', message.message))
      break
  }
})
