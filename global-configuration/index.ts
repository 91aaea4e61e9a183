// The door of the room: the signed picture of the state, downloaded, verified, kept.
export {
  type ConfigurationClient,
  type ConfigurationOptions,
  type ConfigurationStatus,
  openConfiguration,
} from './client.ts'
export { ConfigurationError, type ConfigurationErrorCode } from './error.ts'
export type { AllowedFederations } from './federation.ts'
export { keptFolder } from './kept.ts'
export { readConfigurationDirectory } from './read-directory.ts'
export type { SecurityServer } from './registry-index.ts'
export type { GlobalConfiguration } from './snapshot.ts'
