// Local clients, services, endpoints and access rights: a registry that changes as a whole, and an immutable snapshot of it
// for the message path.
export { type DescriptionTrust, type FetchText, RESERVED_CODES } from './document-checks.ts'
export { ServicesError, type ServicesErrorCode } from './error.ts'
export type { Connection, PersonPlace, ServiceTls, ServiceType, TrackerRules } from './model.ts'
export { MAX_YAML } from './openapi.ts'
export { OWN_CODES } from './own-codes.ts'
export { openServices, type ServiceRegistry } from './registry.ts'
export type { Asking } from './rights.ts'
export type { AccessQuestion, LocalClient, LocalService, ServiceSnapshot, SoapAccessQuestion } from './snapshot.ts'
export { readDescriptionXml, readWsdl, type WsdlOperation } from './wsdl.ts'
