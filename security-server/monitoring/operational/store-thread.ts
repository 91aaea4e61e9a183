// The store's thread: a commit of 100 records took 4 ms here, 50 at worst, and a page of 1,000 takes 20; messages should not wait for either.
import { workerData } from 'node:worker_threads'
import type { StorePlace } from '#host'
import { answerCalls } from '../../threads/answer-calls.ts'
import { storeOperations } from './store-operations.ts'

answerCalls(storeOperations(workerData as StorePlace))
