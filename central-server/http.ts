// Gives out the published files (wire-conf §2.2). Everybody may read them: they are signed, and hold nothing secret.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import type { Log } from '#host'
import { DIRECTORY_NAMES } from './anchors.ts'

/** What a client that does not ask for a version gets (wire-conf §10, 5). */
const DEFAULT_VERSION = '2'
const FILE = /^[a-z0-9][a-z0-9-]{0,63}\.xml$/

export function distribution(directory: string, log: Log): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.enable('strict routing')
  for (const name of Object.values(DIRECTORY_NAMES)) {
    app.get(`/${name}`, async (request: Request, response: Response) => {
      const version = request.query['version'] ?? DEFAULT_VERSION
      // Unknown versions are 404: a client takes any other answer for the version being there (wire-conf §10, 6).
      if (typeof version !== 'string' || !/^\d{1,3}$/.test(version)) return notThere(response)
      response.set('Cache-Control', 'no-store')
      await send(response, join(directory, `V${version}`, name), 'application/octet-stream')
    })
  }
  app.get('/:version/:folder/:file', async (request: Request, response: Response) => {
    const { version = '', folder = '', file = '' } = request.params as Record<string, string>
    if (!/^V\d{1,3}$/.test(version) || !/^\d{23}$/.test(folder) || !FILE.test(file)) return notThere(response)
    await send(response, join(directory, version, folder, file), 'application/xml')
  })
  app.use((request: Request, response: Response) => {
    if (request.method === 'GET' || request.method === 'HEAD') return notThere(response)
    response.status(405).set('Allow', 'GET, HEAD').type('text/plain').send('only GET is answered here\n')
  })
  // Four parameters make it express's error handler.
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const { status } = error as { status?: unknown }
    const theirs = typeof status === 'number' && status >= 400 && status < 500
    if (!theirs) log.error('a request for the configuration failed', { error })
    if (response.headersSent) response.destroy()
    else
      response
        .status(theirs ? status : 500)
        .type('text/plain')
        .send(theirs ? 'bad request\n' : 'internal error\n')
  })
  return app
}

async function send(response: Response, path: string, type: string): Promise<void> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return notThere(response)
    throw error
  }
  response.type(type).send(bytes)
}

function notThere(response: Response): void {
  response.status(404).type('text/plain').send('not found\n')
}
