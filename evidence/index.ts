// The door of `evidence`: what remains after an exchange, made and verified. No server, no socket, no clock.
export {
  ARCHIVE_HASHES,
  type ArchiveEnd,
  type ArchiveHash,
  MAX_CONTAINERS,
} from './archive-linking.ts'
export { type ArchiveLink, linkArchives } from './archive-links.ts'
export { type ArchiveGrouping, archiveGroup, archiveName } from './archive-name.ts'
export {
  type ArchiveFault,
  type ArchiveFaultCode,
  type ArchiveOptions,
  type ArchiveReport,
  type ArchiveStart,
  verifyArchive,
} from './archive-verifier.ts'
export { type ArchiveContainer, ArchiveWriter } from './archive-writer.ts'
export {
  BUNDLE_SUFFIX,
  type Bundled,
  type BundledFile,
  type BundleInput,
  beginsBundle,
  CONTAINER_SUFFIX,
  PROOF_SUFFIX,
  readBundle,
  writeBundle,
} from './bundle.ts'
export { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode, canonicalize } from './c14n.ts'
export {
  type AttachmentTap,
  containerName,
  escapeQueryId,
  type ReadContainer,
  type ReadOptions,
  readContainer,
  writeContainer,
} from './container.ts'
export * from './data-tracker/index.ts'
export { type EvidenceCode, EvidenceError } from './error.ts'
export { buildHashChains, type ChainInput, nodeHash } from './hash-chain.ts'
export { isLogOf, isOwnWitness, logOrigin, witnessName } from './log-names.ts'
export {
  type CommittedRecord,
  commitmentOf,
  decodeRecord,
  encodeRecord,
  RECORD_ENTRY,
  recordEntry,
  SALT_BYTES,
} from './log-record.ts'
export { SUCCESSION_ENTRY, succeedsFrom, successionEntry } from './log-succession.ts'
export * from './long-term/index.ts'
export { partiesOf } from './parties.ts'
export * from './reconciliation/index.ts'
export {
  CHECKS,
  type Check,
  type Lasting,
  type LogProof,
  type Opinion,
  type ProvenDigest,
  type Report,
  type Verdict,
  withChecks,
} from './report.ts'
export { readSignature } from './signature-reader.ts'
export {
  type MessagePart,
  type MessageSignature,
  type MessageSigner,
  signMessage,
  signMessages,
} from './signature-writer.ts'
export {
  insertTimestamp,
  signatureValueOf,
  timestampInput,
  withoutTimestamp,
} from './timestamp.ts'
export { type TrustAt, type TrustOverTime, trustAt } from './trust-over-time.ts'
export { type Examined, examineContainer, verifyContainer } from './verify-container.ts'
export { type ChainData, type HashChainInput, verifyHashChain } from './verify-hash-chain.ts'
export {
  type DatedPolicy,
  type JudgedProof,
  judgeProof,
  type RecordFacts,
  recordFactsOf,
} from './verify-proof.ts'
export { type VerifiedSignature, type VerifyInput, verifyMessage } from './verify-signature.ts'
export { WITHHELD_ENTRY, type WithheldPart } from './withheld.ts'
export { readZip, type ZipLimits } from './zip-reader.ts'
export { writeZip, type ZipEntry } from './zip-writer.ts'
