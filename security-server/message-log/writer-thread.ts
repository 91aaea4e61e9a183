// The writer's thread: the only connection that writes, off the event loop because a COMMIT waits for the disk.

import { answerCalls } from '../threads/answer-calls.ts'
import { openForWriting } from './schema.ts'
import { Store } from './store.ts'
import { writerOperations } from './writer-operations.ts'

answerCalls(writerOperations(({ file, mayCreate }) => new Store(openForWriting(file, mayCreate))))
