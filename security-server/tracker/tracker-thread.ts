// The tracker's thread: a pseudonym takes a millisecond, and a commit waits for the disk.
import { workerData } from 'node:worker_threads'
import { answerCalls } from '../threads/answer-calls.ts'
import { type TrackerPlace, trackerOperations } from './operations.ts'

answerCalls(trackerOperations(workerData as TrackerPlace))
