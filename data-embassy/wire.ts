// The carrier service, as agent and embassy see it: a REST service of the embassy's subsystem.
//
//   POST /mirrors/<register>/<epoch>/batches   a batch (continuity, batch.ts)  → 200 and the receipt; 409 and the receipt of what is held, or nothing;
//                                                                                410 and the decree that ended the epoch; 400, 403, 404, 422, 503 in words
//   GET  /mirrors/<register>/<epoch>/batches/<index>   of an epoch that was written here → the batch with that entry; 204 behind the last
//   GET  /mirrors/<register>/<epoch>/receipt                                   → the newest receipt, 404 before the first

export const OCTETS = 'application/octet-stream'

/** Of the log with that origin, `<instance>/<register>/<epoch>`. */
export function mirrorPath(origin: string): string {
  const [, register = '', epoch = ''] = origin.split('/')
  return `/mirrors/${encodeURIComponent(register)}/${encodeURIComponent(epoch)}`
}

/** The epoch that an origin names. */
export function epochOf(origin: string): number {
  return Number(origin.split('/').at(-1))
}

/** `<instance>/<register>/<epoch>`, the origin of a register's log in one of its epochs. */
export function originOf(instance: string, register: string, epoch: number): string {
  return `${instance}/${register}/${epoch}`
}
