// The keys of the log on the control socket.
import type { Application } from 'express'
import { z } from 'zod'
import { controlPaths, type LogKeyListing } from '../contract.ts'
import type { LogKeys } from './log-keys.ts'

const named = z.strictObject({ id: z.string().regex(/^[0-9a-f]{16}$/, 'must be the id of a key') })

export function logKeyRoutes(app: Application, keys: LogKeys): void {
  app.get(controlPaths.logKeys, async (_request, response) => {
    const listing: LogKeyListing = {
      keys: (await keys.list()).map((key) => ({ ...key, createdAt: key.createdAt.toISOString() })),
    }
    response.json(listing)
  })
  app.post(controlPaths.logKeys, async (_request, response) => void response.json({ id: await keys.create() }))
  app.post(controlPaths.logKeyRetire, async (request, response) => {
    await keys.retire(named.parse(request.body).id)
    response.json({})
  })
}
