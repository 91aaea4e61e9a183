// Routes of the control sockets (contract.ts). Bodies are read strictly even here: the socket is
// 0600, but a typo is a typo. What a schema refuses, the host answers with 400 and every fault.

import type { Application } from 'express'
import { z } from 'zod'
import type { CertificationAuthority } from './ca.ts'
import {
  ISSUABLE_PROFILES,
  type OcspStatus,
  REVOCATION_REASONS,
  type RevocationReason,
  type TsaStatus,
} from './contract.ts'

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

export function caControl(ca: CertificationAuthority): (app: Application) => void {
  return (app) => {
    app.get('/status', async (_request, response) => void response.json(await ca.status()))
    app.post('/ceremony', async (_request, response) => void response.json(await ca.ceremony()))
    app.post('/issue', async (request, response) => {
      response.json(await ca.issue(issueRequest.parse(request.body)))
    })
    app.post('/revoke', async (request, response) => {
      response.json(await ca.revoke(revokeRequest.parse(request.body)))
    })
    app.get('/certificates', async (request, response) => {
      const { after, limit } = pageQuery.parse(request.query)
      response.json(await ca.certificates(after, limit))
    })
  }
}

/** OCSP responder and TSA are only looked at. */
export function statusControl(status: () => Promise<OcspStatus | TsaStatus>): (app: Application) => void {
  return (app) => {
    app.get('/status', async (_request, response) => void response.json(await status()))
  }
}
