// The door of `evidence`: what remains after an exchange, made and verified. No server, no socket, no clock.
export { C14N_EXCLUSIVE, C14N_INCLUSIVE, type C14nMode, canonicalize } from './c14n.ts'
export {
  ASICE_MIME_TYPE,
  type ContainerInput,
  containerName,
  escapeQueryId,
  type ReadContainer,
  readContainer,
  writeContainer,
} from './container.ts'
export type { SignatureForm } from './coverage.ts'
export { type EvidenceCode, EvidenceError } from './error.ts'
export { buildHashChains, type ChainInput, type Digest, type HashChains, nodeHash } from './hash-chain.ts'
export { type Parties, partiesOf } from './parties.ts'
export type { Check, Report } from './report.ts'
export { type ReadSignature, readSignature } from './signature-reader.ts'
export {
  type MessagePart,
  type MessageSignature,
  type MessageSigner,
  SIG_HASH_CHAIN,
  SIG_HASH_CHAIN_RESULT,
  signMessage,
  signMessages,
} from './signature-writer.ts'
export {
  insertTimestamp,
  SIGNATURES_ENTRY,
  signatureValueOf,
  type TimestampBatch,
  TS_HASH_CHAIN,
  timestampInput,
} from './timestamp.ts'
export { verifyContainer } from './verify-container.ts'
export { type ChainData, type HashChainInput, verifyHashChain } from './verify-hash-chain.ts'
export { type VerifiedSignature, type VerifyInput, verifyMessage } from './verify-signature.ts'
export { type ReadEntry, readZip, type ZipLimits } from './zip-reader.ts'
export { writeZip, type ZipEntry } from './zip-writer.ts'
