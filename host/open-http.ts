// Express applications that anybody may reach: they tell nothing of what runs them, nor of what went wrong inside.
import type { Application, ErrorRequestHandler, Request, Response } from 'express'
import type { Log } from './log.ts'

/** Without `X-Powered-By` and without entity tags of its own. */
export function discreet<A extends Application>(app: A): A {
  app.disable('x-powered-by')
  app.disable('etag')
  return app
}

export function notFound(_request: Request, response: Response): void {
  response.status(404).type('text/plain').send('not found\n')
}

/** The last handler: what express and its body parser hold against the request keeps its status; the rest is ours, logged, and told to nobody. */
export function lastResort(log: Log): ErrorRequestHandler {
  return (error: unknown, request, response, _next) => {
    const { status } = error as { status?: unknown }
    const theirs = typeof status === 'number' && status >= 400 && status < 500
    if (!theirs) log.error('a request failed', { method: request.method, path: request.path, error })
    if (response.headersSent) return void response.destroy()
    response
      .status(theirs ? status : 500)
      .type('text/plain')
      .send(theirs ? 'bad request\n' : 'internal error\n')
  }
}
