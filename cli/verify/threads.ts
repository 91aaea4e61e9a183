// What the main thread and those that judge say to each other.
import type { ContainerReport, FileReport, Files } from '#verification'
import type { TrustSpec } from './trust-spec.ts'
import type { Task } from './walk.ts'

export interface WorkerSettings {
  readonly spec: TrustSpec
  readonly secondOpinion: boolean
}

export type ToWorker =
  | { readonly type: 'judge'; readonly task: Task }
  /** One more batch may be sent. */
  | { readonly type: 'more' }
  | { readonly type: 'trust'; readonly files: Files }
  | { readonly type: 'no-trust'; readonly message: string }

export type FromWorker =
  | { readonly type: 'containers'; readonly reports: readonly ContainerReport[] }
  | { readonly type: 'file'; readonly report: FileReport }
  | { readonly type: 'want-trust' }
  /** A fault of ours, or a configuration that cannot be had: `unreadable`. */
  | { readonly type: 'failed'; readonly message: string; readonly code: 'unreadable' | 'fault' }

/** Reports of containers in one message. */
export const BATCH = 50
/** Batches of one file that may be on their way, or wait for files before it: bounds what an archive of thousands keeps in memory. */
export const CREDIT = 20
