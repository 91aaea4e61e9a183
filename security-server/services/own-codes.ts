// Services that this server answers itself and that are ours, not X-Road's. Nobody else can offer one of these names (document-checks.ts).

export const OWN_CODES = {
  /** Compares logs with another party (reconciliation/). */
  reconciliation: 'saadikReconciliation',
  /** Answers who asked what about a person (tracker/). */
  tracker: 'saadikDataTracker',
} as const
