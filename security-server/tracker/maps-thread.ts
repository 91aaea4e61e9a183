// A thread for the maps of one statement: minutes where there are tens of millions of persons, and persons are answered meanwhile.
import { workerData } from 'node:worker_threads'
import { openStoreForReading } from '#host'
import { answerCalls } from '../threads/answer-calls.ts'
import { buildMaps, type MapHeads } from './maps.ts'
import type { TrackerPlace } from './operations.ts'
import { MIGRATIONS, type Tables } from './schema.ts'

const { place } = workerData as TrackerPlace

const operations = {
  async build({ folder, records }: { readonly folder: string; readonly records: number }): Promise<MapHeads> {
    const store = openStoreForReading<Tables>(place, MIGRATIONS)
    try {
      return await buildMaps(store.db, folder, records)
    } finally {
      await store.close()
    }
  },
}

export type MapsOperations = typeof operations

answerCalls(operations)
