// The door of `transparency`: Merkle trees, signed notes, checkpoints, cosignatures. Bytes in, values out.
export { type Checkpoint, formatCheckpoint, parseCheckpoint } from './checkpoint.ts'
export {
  checkpointMessage,
  cosignatureMessage,
  formatTimestamped,
  type SubtreeStatement,
  subtreeMessage,
} from './cosignature.ts'
export {
  formatEntryBundle,
  leafTile,
  MAXIMUM_ENTRY_BYTES,
  parseEntryBundle,
} from './entry-bundle.ts'
export { type TransparencyCode, TransparencyError } from './error.ts'
export { Frontier, type NodeSink } from './frontier.ts'
export { EMPTY_ROOT, HASH_BYTES, type Hash, leafHash, nodeHash } from './hash.ts'
export { type Cosignature, type JudgedCheckpoint, judgeCheckpoint, quorumReached } from './judge-checkpoint.ts'
export { formatVerifierKey, KEY_TYPES, type KeyType, parseVerifierKey, type VerifierKey, verifierKey } from './key.ts'
export {
  formatMapProof,
  type MapClaim,
  type MapProof,
  type MapWitness,
  parseMapProof,
  proveKey,
  verifyMapProof,
} from './map-proof.ts'
export type { MapReader } from './map-reader.ts'
export {
  type ConsistencyClaim,
  consistencyProof,
  type InclusionClaim,
  inclusionProof,
  type SubtreeClaim,
  subtreeProof,
  treeRoot,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from './merkle.ts'
export {
  type AddEntriesHead,
  type EntryPackage,
  formatAddEntriesHead,
  formatEntryPackage,
  formatMirrorInfo,
  MIRROR_INFO_TYPE,
  type MirrorInfo,
  PACKAGES_PER_REQUEST,
  type PackageRange,
  packageRanges,
  parseMirrorInfo,
  readAddEntries,
  verifyEntryPackage,
} from './mirror-protocol.ts'
export {
  formatNote,
  formatSignatureLines,
  MAXIMUM_NOTE_BYTES,
  type Note,
  type NoteSignature,
  type NoteVerifier,
  openNote,
  parseNote,
  parseSignatureLines,
  withSignatures,
} from './note.ts'
export { isTreeSize } from './numbers.ts'
export {
  formatPolicy,
  MAXIMUM_POLICY_BYTES,
  NO_QUORUM,
  type Policy,
  type PolicyGroup,
  type PolicyLog,
  type PolicyWitness,
  parsePolicy,
  quorumPolicy,
} from './policy.ts'
export {
  formatLogProof,
  judgeLogProof,
  type LogProof,
  MAXIMUM_EXTRA_BYTES,
  MAXIMUM_LOG_PROOF_BYTES,
  parseLogProof,
} from './proof.ts'
export {
  buildMap,
  MAP_KEY_BYTES,
  MAP_RECORD_BYTES,
  type MapEntry,
  type MapHead,
  type MapSink,
} from './sorted-map.ts'
export { isKeyName, originHash } from './text.ts'
export {
  type EntryBundle,
  type HashTile,
  newBundles,
  newTiles,
  parseTilePath,
  TILE_WIDTH,
  type Tile,
  tileOf,
  tilePath,
  tileWidth,
} from './tile.ts'
export { type TileSource, tileReader, verifiedTileReader } from './tile-reader.ts'
export {
  completeNodes,
  coveringNodes,
  type HashReader,
  isSubtree,
  rangeHashes,
  type TreeNode,
  type TreeRange,
} from './tree.ts'
export { cosignatureTime, noteVerifier, verifySubtreeCosignature } from './verifier.ts'
export { openVrf, VRF_KEY_BYTES, VRF_OUTPUT_BYTES, VRF_PROOF_BYTES, type Vrf, vrfVerify } from './vrf.ts'
export {
  type AddCheckpointRefusal,
  type AddCheckpointVerdict,
  judgeAddCheckpoint,
  type WitnessedLog,
} from './witness-judgement.ts'
export {
  type AddCheckpointRequest,
  formatAddCheckpoint,
  formatSignSubtree,
  formatSize,
  MAXIMUM_REQUEST_BYTES,
  parseAddCheckpoint,
  parseSignSubtree,
  parseSize,
  SIZE_TYPE,
  type SignSubtreeRequest,
} from './witness-protocol.ts'
