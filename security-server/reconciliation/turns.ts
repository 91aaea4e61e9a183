// Minutes of work on the main thread, a few milliseconds at a time: exchanges have their turn for as long.
import { setTimeout as pause } from 'node:timers/promises'
import type { Turn } from '#evidence'

const TURN_MS = 5

/** @param signal Ends the work: the next turn rejects with its reason. */
export function turns(signal: AbortSignal): Turn {
  let began = performance.now()
  return () => {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (performance.now() - began < TURN_MS) return undefined
    return pause(TURN_MS).then(() => {
      began = performance.now()
    })
  }
}
