// The listener for auditors: TLS, who asks, how much at once, and errors as the API has them.
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import type { Server } from 'node:https'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import type { NextFunction, Request, Response } from 'express'
import { discreet, type Log } from '#host'
import { NO_RESUMPTION } from '../exchange/peer-tls.ts'
import { type ApiParts, apiRoutes } from './api.ts'
import type { Auditor, Auditors, Shown } from './auditors.ts'
import { AuditorError } from './error.ts'

/** Requests of one auditor that are answered at the same time. */
const AT_ONCE = 4
const IDLE_MS = 60_000
const MAX_HEADER_BYTES = 16 * 1024

export interface ListenerParts extends Omit<ApiParts, 'auditorOf' | 'idleMs'> {
  readonly auditors: Auditors
  readonly tls: { readonly key: string; readonly cert: string }
  readonly log: Log
}

export async function auditorServer(parts: ListenerParts): Promise<Server> {
  const { auditors, tls, log } = parts
  const [{ default: express }, { createServer }, description] = await Promise.all([
    import('express'),
    import('node:https'),
    readFile(join(import.meta.dirname, 'openapi.yaml')),
  ])
  const app = discreet(express())
  const underWay = new Map<string, number>()

  app.use((_request: Request, response: Response, next: NextFunction) => {
    // Answers name persons: they are for who asked, and nobody keeps them.
    response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' })
    next()
  })
  app.get('/openapi.yaml', (_request, response) => void response.type('application/yaml').send(description))
  app.use(async (request: Request, response: Response, next: NextFunction) => {
    const auditor = await auditors.find(shownBy(request))
    if (auditor === undefined) {
      log.warn('somebody asked as an auditor and is none', { remote: request.socket.remoteAddress, path: request.path })
      response.set('WWW-Authenticate', 'Bearer')
      throw new AuditorError('unauthenticated', 'This token or certificate is not known here, or not valid now')
    }
    if (request.method !== 'GET') {
      response.set('Allow', 'GET')
      throw new AuditorError('method_not_allowed', 'Nothing can be changed here')
    }
    const { name } = auditor
    const others = underWay.get(name) ?? 0
    if (others >= AT_ONCE) {
      response.set('Retry-After', '1')
      throw new AuditorError('too_many_requests', `${AT_ONCE} requests of this auditor are being answered`)
    }
    underWay.set(name, others + 1)
    response.on('close', () => {
      const left = (underWay.get(name) ?? 1) - 1
      if (left === 0) underWay.delete(name)
      else underWay.set(name, left)
    })
    response.locals['auditor'] = auditor
    next()
  })
  const auditorOf = (response: Response) => response.locals['auditor'] as Auditor
  apiRoutes(app, { ...parts, auditorOf, idleMs: IDLE_MS })
  app.use((request: Request) => {
    throw new AuditorError('not_found', `There is no ${request.path.slice(0, 100)}`)
  })
  // Four parameters make it express's error handler.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) =>
    refuse(error, request, response, log),
  )

  const server = createServer(
    {
      ...tls,
      // Asked for, not demanded: a token will do.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      secureOptions: NO_RESUMPTION,
      handshakeTimeout: 30_000,
      headersTimeout: 30_000,
      requestTimeout: 30_000,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    app,
  )
  server.setTimeout(IDLE_MS)
  return server
}

function shownBy(request: IncomingMessage): Shown {
  const [, token] = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(request.headers.authorization ?? '') ?? []
  // Who shows something that is no token is not asked for another.
  if (request.headers.authorization !== undefined) return { token: token ?? '' }
  const leaf = (request.socket as TLSSocket).getPeerX509Certificate()
  if (leaf === undefined) return {}
  return { certificate: { der: leaf.raw, notBefore: new Date(leaf.validFrom), notAfter: new Date(leaf.validTo) } }
}

const STATUS: Readonly<Record<string, number>> = {
  unauthenticated: 401,
  content_forbidden: 403,
  text_search_forbidden: 403,
  not_found: 404,
  record_missing: 404,
  record_not_found: 404,
  body_missing: 404,
  body_not_kept: 404,
  method_not_allowed: 405,
  timestamp_missing: 409,
  not_signed_yet: 409,
  too_many_requests: 429,
  invalid_query: 400,
  audit_failed: 503,
  store_failed: 503,
  store_broken: 503,
  unavailable: 503,
  closed: 503,
}

function refuse(error: unknown, request: Request, response: Response, log: Log): void {
  const { code, message } = error as { code?: unknown; message?: string }
  const own = typeof code === 'string' && /^[a-z][a-z_]*$/.test(code)
  // What is damaged is told by its name: it is what auditors look for.
  const status = own ? (STATUS[code] ?? 500) : 500
  if (status >= 500) log.error('an auditor was not answered', { path: request.path, error })
  if (response.headersSent) return void response.destroy()
  response.removeHeader('Content-Disposition')
  response
    .status(status)
    .json({ error: own ? { code, message } : { code: 'internal_error', message: 'The log of the server says more' } })
}
