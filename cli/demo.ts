// `saadik demo …`: the demo is a room of its own and no door of ours; its program runs as a child with our terminal.
import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { extname, join } from 'node:path'
import type { Run } from './command.ts'

/** Runs `demo/main.ts` (or the built one) and ends as it ends. The fourth pipe tells it when we are gone, however we went. */
export function demo(action: 'up' | 'status' | 'reset'): Run {
  return (given) => {
    const options = ['dir', 'base'].flatMap((name) => {
      const value = given.text(name)
      return value === undefined ? [] : [`--${name}`, value]
    })
    const main = join(import.meta.dirname, '..', 'demo', `main${extname(import.meta.filename)}`)
    const child = spawn(process.execPath, [main, action, ...options, ...(given.on('json') ? ['--json'] : [])], {
      stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
      env: { ...process.env, SAADIK_PARENT_FD: '3' },
    })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal))
    followParent(() => child.kill('SIGTERM'))
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code ?? 1))
    })
  }
}

/** bin/saadik.js holds the other end of this pipe: when it ends, so do we. */
function followParent(gone: () => void): void {
  const parent = process.env['SAADIK_PARENT_FD']
  if (parent === undefined) return
  const pipe = new Socket({ fd: Number(parent), readable: true, writable: false })
  pipe
    .on('error', () => undefined)
    .on('close', gone)
    .resume()
  pipe.unref()
}
