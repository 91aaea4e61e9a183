// What every stage of an exchange may use. Built once at start (server.ts), passed in, never global.
import type { ConfigurationClient, GlobalConfiguration } from '#global-configuration'
import type { Clock, Log } from '#host'
import type { ServerId, Side } from '#protocol'
import { fault } from '#protocol'
import type { Archive } from '../archive/index.ts'
import type { SearchAudit } from '../auditor/index.ts'
import type { Keyring } from '../certificates/keyring.ts'
import type { OcspAnswers } from '../certificates/ocsp-answers.ts'
import type { Peers } from '../consumer/peers.ts'
import type { MessageLog } from '../message-log/index.ts'
import type { Metadata } from '../metadata/index.ts'
import type { Monitoring } from '../monitoring/index.ts'
import type { ServiceCaller } from '../provider/call.ts'
import type { Reconciliation } from '../reconciliation/index.ts'
import type { ServiceRegistry } from '../services/index.ts'
import type { DataTracker } from '../tracker/index.ts'
import type { Transparency } from '../transparency/index.ts'
import type { LogsBodies } from './body-logging.ts'
import type { Counters } from './counters.ts'

export interface Gateway {
  readonly server: ServerId
  readonly clock: Clock
  readonly log: Log
  readonly configuration: ConfigurationClient
  readonly services: ServiceRegistry
  readonly messageLog: MessageLog
  /** What makes the log's history provable, and refuses records when it is not what was signed. */
  readonly transparency: Transparency
  /** Who searched the message log and what was taken from it. */
  readonly audit: SearchAudit
  /** Undefined where the configuration turned it off. */
  readonly archive: Archive | undefined
  readonly keyring: Keyring
  readonly answers: OcspAnswers
  readonly peers: Peers
  readonly caller: ServiceCaller
  readonly metadata: Metadata
  readonly monitoring: Monitoring
  /** Compares what was logged with what other parties have logged. */
  readonly reconciliation: Reconciliation
  /** Tells persons who asked what about them. */
  readonly tracker: DataTracker
  readonly counters: Counters
  readonly logsBodies: LogsBodies
  /** Nothing moving for this long while a message is under way cuts it. Milliseconds. */
  readonly idleMs: number
  readonly minimumPeerVersion: string | undefined
}

/** The configuration to act by; traffic stops when it has expired (wire-conf §2.8). */
export function validConfiguration(gateway: Gateway, side: Side): GlobalConfiguration {
  const current = gateway.configuration.current()
  if (current === undefined)
    throw fault(side, 'global_conf_outdated', 'No global configuration has been downloaded and verified yet')
  if (current.isExpired(gateway.clock.now()))
    throw fault(
      side,
      'global_conf_outdated',
      `The global configuration expired at ${current.expiresAt.toISOString()} and no newer one could be downloaded`,
    )
  return current
}
