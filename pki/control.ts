// Routes of the control sockets (contract.ts). Input is read strictly even here: the socket is 0600, but a typo is a typo.

import type { Express } from 'express'
import { z } from 'zod'
import type { CertificationAuthority } from './ca.ts'
import {
  ISSUABLE_PROFILES,
  type OcspStatus,
  REVOCATION_REASONS,
  type RevocationReason,
  type TsaStatus,
} from './contract.ts'
import { PkiError } from './error.ts'

const attribute = z.strictObject({
  oid: z
    .string()
    .regex(/^\d+(\.\d+)+$/)
    .max(64),
  value: z.string().min(1).max(256),
})

const issueRequest = z.strictObject({
  profile: z.enum(ISSUABLE_PROFILES),
  csr: z.string().min(1),
  subject: z.array(attribute).min(1).max(16).optional(),
  dnsNames: z.array(z.string().max(253)).max(32).optional(),
  ipAddresses: z.array(z.string().max(45)).max(32).optional(),
  validSeconds: z.int().min(1).optional(),
})

const revokeRequest = z.strictObject({
  serialNumber: z.string().regex(/^[0-9a-f]{1,40}$/i, 'hexadecimal'),
  reason: z.enum(Object.keys(REVOCATION_REASONS) as [RevocationReason, ...RevocationReason[]]),
})

const pageQuery = z.strictObject({
  after: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(500).default(100),
})

/** Throws PkiError `invalid_request` with every fault and its path. */
function read<S extends z.ZodType>(schema: S, input: unknown): z.infer<S> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`)
  throw new PkiError('invalid_request', faults.join('; '))
}

export function caControl(ca: CertificationAuthority): (app: Express) => void {
  return (app) => {
    app.get('/status', async (_request, response) => void response.json(await ca.status()))
    app.post('/ceremony', async (_request, response) => void response.json(await ca.ceremony()))
    app.post('/issue', async (request, response) => {
      response.json(await ca.issue(read(issueRequest, request.body)))
    })
    app.post('/revoke', async (request, response) => {
      response.json(await ca.revoke(read(revokeRequest, request.body)))
    })
    app.get('/certificates', async (request, response) => {
      const { after, limit } = read(pageQuery, request.query)
      response.json(await ca.certificates(after, limit))
    })
  }
}

/** OCSP responder and TSA are only looked at. */
export function statusControl(status: () => Promise<OcspStatus | TsaStatus>): (app: Express) => void {
  return (app) => {
    app.get('/status', async (_request, response) => void response.json(await status()))
  }
}
