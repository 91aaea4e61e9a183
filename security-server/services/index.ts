// Local clients, services, endpoints and access rights: a registry that changes as a whole, and an immutable snapshot of it
// for the message path.
export { RESERVED_CODES } from './document.ts'
export { ServicesError, type ServicesErrorCode } from './error.ts'
export type { Connection, ServiceTls } from './model.ts'
export { openServices, type ServiceRegistry } from './registry.ts'
export type { AccessQuestion, LocalClient, LocalService, ServiceSnapshot } from './snapshot.ts'
