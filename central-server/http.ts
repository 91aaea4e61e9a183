// Gives out the published files (wire-conf §2.2). Everybody may read them: they are signed, and hold nothing secret.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import express, { type Express, type Request, type Response } from 'express'
import { discreet, ifThere, type Log, lastResort, notFound } from '#host'
import { DIRECTORY_NAMES } from './anchors.ts'

/** What a client that does not ask for a version gets (wire-conf §10, 5). */
const DEFAULT_VERSION = '2'
const FILE = /^[a-z0-9][a-z0-9-]{0,63}\.xml$/

export function distribution(directory: string, log: Log): Express {
  const app = discreet(express())
  app.enable('case sensitive routing')
  app.enable('strict routing')
  for (const name of Object.values(DIRECTORY_NAMES)) {
    app.get(`/${name}`, async (request: Request, response: Response) => {
      const version = request.query['version'] ?? DEFAULT_VERSION
      // Unknown versions are 404: a client takes any other answer for the version being there (wire-conf §10, 6).
      if (typeof version !== 'string' || !/^\d{1,3}$/.test(version)) return notFound(request, response)
      response.set('Cache-Control', 'no-store')
      await send(request, response, join(directory, `V${version}`, name), 'application/octet-stream')
    })
  }
  app.get('/:version/:folder/:file', async (request: Request, response: Response) => {
    const { version = '', folder = '', file = '' } = request.params as Record<string, string>
    if (!/^V\d{1,3}$/.test(version) || !/^\d{23}$/.test(folder) || !FILE.test(file)) return notFound(request, response)
    await send(request, response, join(directory, version, folder, file), 'application/xml')
  })
  app.use((request: Request, response: Response) => {
    if (request.method === 'GET' || request.method === 'HEAD') return notFound(request, response)
    response.status(405).set('Allow', 'GET, HEAD').type('text/plain').send('only GET is answered here\n')
  })
  app.use(lastResort(log))
  return app
}

async function send(request: Request, response: Response, path: string, type: string): Promise<void> {
  const bytes = await ifThere(readFile(path))
  if (bytes === undefined) return notFound(request, response)
  response.type(type).send(bytes)
}
