// What members may ask about each other and their services: listClients on the consumer's side, lists of methods and descriptions on the
// provider's.
export type { FetchDescription } from './descriptions.ts'
export { type ListClientsAnswer, listClients, type Registered } from './list-clients.ts'
export {
  type Metadata,
  openMetadata,
  type RestMetadataAnswer,
  type RestMetadataQuestion,
  type SoapMetadataAnswer,
  type SoapMetadataAttachment,
  type SoapMetadataQuestion,
} from './metadata.ts'
