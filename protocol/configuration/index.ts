// The global configuration as documents (wire-conf §2.3, §2.9, §3): read, written, verified. Exported by the door of `protocol`.
export { type Anchor, parseAnchor, writeAnchor } from './anchor.ts'
export {
  type InstanceConfiguration,
  type InstanceParameters,
  partsToTake,
  readInstance,
  type Scope,
  sameContent,
  type VerifiedPart,
} from './instance.ts'
export {
  MINIMUM_OCSP_FETCH_SECONDS,
  OPTIONAL_DEFAULTS,
  PART_FILES,
  parseMonitoringClient,
  parseOcspFetchInterval,
  parseVerifyNextUpdate,
  writeMonitoringClient,
  writeOcspFetchInterval,
  writeVerifyNextUpdate,
} from './optional-parts.ts'
export { INSTANCE_FILE, instanceFolder, METADATA, type PartMetadata, readPlainCopy } from './plain-copy.ts'
export {
  type ManagementService,
  type PrivateParameters,
  parsePrivateParameters,
  writePrivateParameters,
} from './private-parameters.ts'
export { parseSharedParameters } from './read-shared.ts'
export {
  type AcmeServer,
  type ApprovedCa,
  type ApprovedTsa,
  type CaEntry,
  CONFIGURATION_VERSIONS,
  COST_TYPES,
  type ConfigurationSource,
  type ConfigurationVersion,
  type CostType,
  type GlobalGroup,
  type Member,
  type MemberClass,
  type OcspService,
  type RegisteredServer,
  type SharedParameters,
} from './shared-parameters.ts'
export {
  type DirectoryPart,
  isPart,
  MAX_DIRECTORY_BYTES,
  parseSignedDirectory,
  partFileName,
  type SignedDirectory,
  verifySignedDirectory,
} from './signed-directory.ts'
export { type Authority, authorityFor, type TrustMaterial, trustMaterial } from './trust-material.ts'
export { believedKeys, type Voucher } from './vouchers.ts'
export { writeSignedDirectory } from './write-directory.ts'
export { writeSharedParameters } from './write-shared.ts'
