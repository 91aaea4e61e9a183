// Auditors: who may search the message log from outside, what each may see, and the record of what was asked. Door of this folder.

export { openSearchAudit, type SearchAudit, type SearchAuditEntry } from './audit.ts'
export { Auditors, digestOf } from './auditors.ts'
export { auditorServer, type ListenerParts } from './listener.ts'
export { type AuditorSettings, auditorSchema } from './settings.ts'
