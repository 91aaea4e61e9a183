// The control sockets of agent and embassy, as cli and demo see them: types and paths, nothing else.
import type { Mode } from '#continuity'
import type { RoomStatus } from './abroad/opening-room.ts'
import type { StandbyStatus } from './abroad/standby.ts'
import type { AgentStatus } from './home/agent.ts'

export type { RoomStatus } from './abroad/opening-room.ts'
export type { StandbyStatus } from './abroad/standby.ts'
export type { AgentStatus } from './home/agent.ts'

export const agentPaths = {
  status: '/status',
  settled: (register: string) => `/registers/${encodeURIComponent(register)}/settled`,
  erase: (register: string) => `/registers/${encodeURIComponent(register)}/erase`,
} as const

export const embassyPaths = {
  status: '/status',
  decrees: '/decrees',
  nextDecree: (subject: string) => `/decrees/${encodeURIComponent(subject)}/next`,
  shares: '/shares',
  seal: '/seal',
} as const

/** `GET /status` of an agent. */
export interface AgentProcessStatus {
  readonly version: string
  readonly registers: readonly AgentStatus[]
}

/** `POST …/settled` */
export interface SettledAnswer {
  /** Leaves of the register's log that hold everything that was committed when it was asked. */
  readonly size: number
}

/** `POST …/erase` */
export interface EraseRequest {
  readonly relation: string
  /** Column → value, as the source writes it: `{"personal_code": "'38203190108'"}` on SQLite. */
  readonly key: Readonly<Record<string, string>>
  /** What allows it, in words of the law; no name of a person. */
  readonly basis: string
}
export interface EraseAnswer {
  readonly entries: readonly number[]
}

/** `GET /status` of an embassy. */
export interface EmbassyProcessStatus {
  readonly version: string
  readonly embassy: string
  /** What its mirror cosigns with: homes pin it. */
  readonly mirrorKey: string
  readonly mirrors: readonly { readonly origin: string; readonly size: number; readonly over: boolean }[]
  readonly authority: { readonly origin: string; readonly decrees: number }
  readonly room: RoomStatus
  readonly standbys: readonly StandbyStatus[]
}

/** `GET /decrees/<subject>/next`: what the next decree about a register, or about the centre, must say. */
export interface DecreeStanding {
  readonly instance: string
  readonly embassy: string
  readonly mode: Mode
  readonly epoch: number
  /** Version of the set of decree keys. */
  readonly keys: number
  /** Head of the log that is in force; none for the centre. */
  readonly predecessor?: { readonly origin: string; readonly size: number; readonly root: string }
}

/** `POST /decrees` */
export interface DecreeRequest {
  /** The signed note. */
  readonly note: string
}
export interface DecreeAnswer {
  readonly subject: string
  readonly mode: string
  readonly epoch: number
  /** Its leaf in the authority log. */
  readonly index: number
}

/** `POST /shares`: a share as its custodian opened it. */
export interface ShareRequest {
  readonly instance: string
  readonly version: number
  readonly custodian: string
  /** Base64. */
  readonly salt: string
  readonly share: string
}
