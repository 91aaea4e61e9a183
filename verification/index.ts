// The door of `verification`, and what `saadik/verify` exports: evidence judged with trust that an auditor brings. Bytes in, values out; no
// server, no socket, no file, no clock.
export type {
  ArchiveEnd,
  ArchiveStart,
  AttachmentTap,
  Check,
  Examined,
  LogProof,
  Opinion,
  ProvenDigest,
  Report,
  Verdict,
} from '#evidence'
export { type ArchiveLinks, type ArchiveRun, LINK_CHECK, type LinkedArchive, runsOfArchives } from './archive-links.ts'
export {
  type ConfigurationTrust,
  type Files,
  readConfigurationCopy,
  readStoredConfigurations,
} from './configurations.ts'
export { type VerificationCode, VerificationError } from './error.ts'
export {
  type ReportCover,
  reportDetail,
  reportEnd,
  reportFileRow,
  reportHead,
  reportMiddle,
  reportRow,
} from './html/page.ts'
export {
  type ContainerReport,
  type EvidenceKind,
  type FileReport,
  type JudgeOptions,
  judgeEvidence,
  worse,
} from './judge.ts'
export type { OpinionSession, SecondOpinion } from './opinions.ts'
export { type Pinned, readPinned } from './pinned.ts'
export { readProofs } from './proofs.ts'
export { Trust, type TrustInput } from './trust.ts'
export { xmlCryptoOpinion } from './xml-crypto.ts'
