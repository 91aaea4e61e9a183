// The control socket: HTTP on a Unix socket for this user's own tools. Who can open it is the operator.
import { randomUUID } from 'node:crypto'
import type { Application, NextFunction, Request, Response } from 'express'
import { reasonOf } from './error.ts'
import { closeHttp } from './listener.ts'
import type { Log } from './log.ts'
import { discreet } from './open-http.ts'
import { schemaFaults } from './schema.ts'
import { listenUnix } from './unix-listener.ts'

const MAX_BODY = 16 * 1024 * 1024
/** Answers under way at the stop are waited for this long. */
const CLOSE_WITHIN_MS = 2_000

/** The body of every error: `id` is found in the process's log. */
export interface ControlErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly id: string }
}

export interface ControlServer {
  close(): Promise<void>
}

/**
 * Serves `routes` on `socket`. Bodies are JSON (≤ 16 MiB). What a route throws becomes `{error: {code, message, id}}`: an error of
 * the house (lower-case `code`) with its words and 422, or 404 where its code says that something is not there; any other error
 * becomes `internal_error`, 500, without words.
 *
 * @throws {HostError} `already_running` when another process serves this socket
 */
export async function serveControl(options: {
  readonly socket: string
  readonly routes: (app: Application) => void
  readonly log: Log
}): Promise<ControlServer> {
  const [{ default: express }, { createServer }] = await Promise.all([import('express'), import('node:http')])
  const app = discreet(express())
  app.use(express.json({ limit: MAX_BODY, strict: false }))
  options.routes(app)
  app.use((request: Request, response: Response) =>
    refuse(response, 404, 'not_found', `there is no ${request.method} ${request.path}`, randomUUID()),
  )
  // Four parameters make it express's error handler.
  app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
    const id = randomUUID()
    const { status, code, message } = rendered(error)
    const facts = { id, method: request.method, path: request.path, status }
    if (status === 500) options.log.error('control request failed', { ...facts, error })
    else options.log.info('control request refused', { ...facts, code, reason: message })
    if (response.headersSent) response.destroy()
    else refuse(response, status, code, message, id)
  })
  const server = createServer(app)
  const close = await listenUnix(server, options.socket, `the process of ${options.socket}`)
  return { close: () => closeHttp(server, CLOSE_WITHIN_MS, close) }
}

function refuse(response: Response, status: number, code: string, message: string, id: string): void {
  response.status(status).json({ error: { code, message, id } } satisfies ControlErrorBody)
}

function rendered(error: unknown): { readonly status: number; readonly code: string; readonly message: string } {
  const { status, code, expose, issues } = error as {
    status?: unknown
    code?: unknown
    expose?: unknown
    issues?: unknown
  }
  // A schema's refusal of a body: every fault at once.
  if (Array.isArray(issues) && error instanceof Error && error.name.endsWith('ZodError')) {
    return { status: 400, code: 'invalid_request', message: schemaFaults(issues, '(body)').join('; ') }
  }
  if (typeof code === 'string' && /^[a-z][a-z0-9_.]*$/.test(code)) {
    const known =
      typeof status === 'number' && status >= 400 && status < 600
        ? status
        : /(^|\.)(not_found$|unknown_)/.test(code)
          ? 404
          : 422
    return { status: known, code, message: reasonOf(error) }
  }
  // express and its body parser mark what a client may read.
  if (expose === true && typeof status === 'number')
    return { status, code: 'invalid_request', message: reasonOf(error) }
  return { status: 500, code: 'internal_error', message: 'see the log of the process under this id' }
}
