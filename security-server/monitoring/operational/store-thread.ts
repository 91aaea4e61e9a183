// The store's thread: a commit of 100 records took 4 ms here, 50 at worst, and a page of 1,000 takes 20; messages should not wait for either.
import { answerCalls } from './thread-calls.ts'

answerCalls()
