// The near end of the tracker's thread.
import { ThreadCalls, threadBeside } from '../threads/thread-calls.ts'
import { type DataTrackerCode, DataTrackerError } from './error.ts'
import type { MapsOperations } from './maps-thread.ts'
import type { TrackerOperations, TrackerPlace } from './operations.ts'

export type TrackerThread = ThreadCalls<TrackerOperations>

const CODES: ReadonlySet<string> = new Set<DataTrackerCode>(['key_replaced', 'unavailable'])

/** @param onDeath It must be opened anew. */
export function startTrackerThread(place: TrackerPlace, onDeath: (reason: string) => void): TrackerThread {
  return new ThreadCalls<TrackerOperations>(threadBeside(import.meta, 'tracker-thread'), {
    data: place,
    toError,
    onDeath,
  })
}

/** Ends with the maps that it builds. */
export function startMapsThread(place: TrackerPlace): ThreadCalls<MapsOperations> {
  return new ThreadCalls<MapsOperations>(threadBeside(import.meta, 'maps-thread'), { data: place, toError })
}

function toError({ code = 'unavailable', message }: { readonly code?: string; readonly message: string }) {
  return new DataTrackerError(CODES.has(code) ? (code as DataTrackerCode) : 'unavailable', message)
}
