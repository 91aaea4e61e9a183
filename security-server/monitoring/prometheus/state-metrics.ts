// The state of the server as numbers, read when somebody asks.
import type { Metric, Sample } from './text.ts'

/** What is looked at. Times are dates; an absent one is not known and gives no sample. */
export interface ServerState {
  readonly messageLog: {
    readonly records: number
    /** Records that wait for their time-stamp. */
    readonly untimestamped: number
    readonly lastTimestamp?: Date
    readonly failingSince?: Date
  }
  readonly transparency: {
    readonly leaves: number
    readonly signedLeaves: number
    /** Absent before the first, and where there are no witnesses. */
    readonly witnessedLeaves?: number
    /** Time of the oldest record that no checkpoint has. */
    readonly unsealedSince?: Date
    readonly witnesses: readonly { readonly name: string; readonly cosigns: boolean }[]
    /** History is not what was signed. */
    readonly fault: boolean
  }
  readonly certificates: readonly {
    readonly use: string
    /** First hexadecimal digits of its SHA-256: enough to find it, and one series for each certificate of the server. */
    readonly sha256: string
    readonly notAfter: Date
    readonly usable: boolean
    /** When its OCSP answer, or itself, ends. */
    readonly usableUntil?: Date
  }[]
  readonly configurationExpiresAt?: Date
  readonly configurationFetchedAt?: Date
  /** Whether the signer answers, and whether its keys are open. */
  readonly signer: { readonly reachable: boolean; readonly unlocked: boolean }
}

export interface MonitoringState {
  readonly waiting: number
  readonly dropped: number
  readonly spansDropped: number
}

const DIGITS = 12

export function stateMetrics(state: ServerState, monitoring: MonitoringState, startedAt: Date, now: Date): Metric[] {
  const since = (date: Date | undefined): Sample[] => (date === undefined ? [] : [{ value: seconds(date, now) }])
  const until = (date: Date | undefined): Sample[] => (date === undefined ? [] : [{ value: seconds(now, date) }])
  const certificates = state.certificates.map((one) => ({
    ...one,
    labels: { use: one.use, sha256: one.sha256.slice(0, DIGITS) },
  }))
  const { messageLog, transparency, signer } = state
  return [
    gauge('saadik_start_time_seconds', 'When the server was started, Unix time.', startedAt.getTime() / 1000),
    gauge('saadik_message_log_records', 'Records in the message log.', messageLog.records),
    gauge('saadik_message_log_untimestamped', 'Records that wait for a time-stamp.', messageLog.untimestamped),
    many('saadik_timestamp_age_seconds', 'Since the last time-stamp.', since(messageLog.lastTimestamp)),
    gauge(
      'saadik_timestamping_failing_seconds',
      'Since when time-stamping has failed; 0 while it works.',
      messageLog.failingSince === undefined ? 0 : seconds(messageLog.failingSince, now),
    ),
    gauge('saadik_transparency_leaves', 'Leaves of the transparent log.', transparency.leaves),
    gauge('saadik_transparency_signed_leaves', 'Leaves that the newest checkpoint has.', transparency.signedLeaves),
    many(
      'saadik_transparency_witnessed_leaves',
      'Leaves that the newest witnessed checkpoint has.',
      transparency.witnessedLeaves === undefined ? [] : [{ value: transparency.witnessedLeaves }],
    ),
    gauge(
      'saadik_transparency_unsealed_seconds',
      'How long the oldest record has waited for its checkpoint; 0 when none waits.',
      transparency.unsealedSince === undefined ? 0 : seconds(transparency.unsealedSince, now),
    ),
    many(
      'saadik_transparency_witness_cosigns',
      'Whether the witness cosigned when it was last asked.',
      transparency.witnesses.map(({ name, cosigns }) => ({ labels: { witness: name }, value: Number(cosigns) })),
    ),
    gauge(
      'saadik_transparency_fault',
      'Whether the history of the log is not what was signed: then no message is taken.',
      Number(transparency.fault),
    ),
    many(
      'saadik_certificate_expiry_days',
      'Days until the certificate ends.',
      certificates.map(({ labels, notAfter }) => ({ labels, value: seconds(now, notAfter) / 86_400 })),
    ),
    many(
      'saadik_certificate_usable',
      'Whether the certificate can be used now.',
      certificates.map(({ labels, usable }) => ({ labels, value: Number(usable) })),
    ),
    many(
      'saadik_ocsp_fresh_seconds',
      'How long the OCSP answer of the certificate still counts; negative once it does not.',
      certificates.flatMap(({ labels, usableUntil }) =>
        usableUntil === undefined ? [] : [{ labels, value: seconds(now, usableUntil) }],
      ),
    ),
    many(
      'saadik_configuration_expiry_seconds',
      'Until the global configuration ends; negative once it has.',
      until(state.configurationExpiresAt),
    ),
    many(
      'saadik_configuration_age_seconds',
      'Since the global configuration was last downloaded.',
      since(state.configurationFetchedAt),
    ),
    gauge('saadik_signer_reachable', 'Whether the signer answers.', Number(signer.reachable)),
    gauge('saadik_signer_unlocked', 'Whether the keys of the signer are open.', Number(signer.unlocked)),
    gauge('saadik_operational_records_waiting', 'Operational records on their way to the store.', monitoring.waiting),
    counter('saadik_operational_records_dropped_total', 'Operational records that were dropped.', monitoring.dropped),
    counter('saadik_trace_spans_dropped_total', 'Spans that no collector took in time.', monitoring.spansDropped),
    gauge('saadik_resident_memory_bytes', 'Memory of the process.', process.memoryUsage.rss()),
    counter('saadik_cpu_seconds_total', 'Processor time of the process.', cpuSeconds()),
  ]
}

function many(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples }
}

function gauge(name: string, help: string, value: number): Metric {
  return many(name, help, [{ value }])
}

function counter(name: string, help: string, value: number): Metric {
  return { name, help, type: 'counter', samples: [{ value }] }
}

function seconds(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
