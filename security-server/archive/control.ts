// The archive on the control socket.
import type { Application } from 'express'
import { type ArchivedFile, type ArchiveListing, controlPaths } from '../contract.ts'
import type { Archive, ArchiveFile } from './index.ts'

const MAX_PAGE = 500

export function archiveRoutes(app: Application, archive: Archive): void {
  app.get(controlPaths.archive, async (_request, response) => void response.json(await archive.status()))
  // A run may take hours: it is begun, and how far it is stands in the status.
  app.post(controlPaths.archiveRun, async (_request, response) => {
    // What it fails with is in the log and in the status.
    archive.run().catch(() => undefined)
    response.status(202).json(await archive.status())
  })
  app.get(controlPaths.archiveFiles, async (request, response) => {
    const limit = Math.min(MAX_PAGE, Math.max(1, Number(request.query['limit'] ?? 100) || 100))
    const page = await archive.files({ after: Number(request.query['after'] ?? 0) || 0, limit })
    const last = page.at(-1)
    const listing: ArchiveListing = {
      files: page.map(shown),
      ...(page.length === limit && last ? { next: last.id } : {}),
    }
    response.json(listing)
  })
}

function shown({
  id,
  name,
  group,
  records,
  firstAt,
  lastAt,
  digest,
  hash,
  bytes,
  sha256,
  ...file
}: ArchiveFile): ArchivedFile {
  return {
    ...{ id, name, group, records, digest, hash, bytes, sha256 },
    firstAt: firstAt.toISOString(),
    lastAt: lastAt.toISOString(),
    ...(file.proofs && { proofs: file.proofs.name }),
    ...(file.provedAt && { provedAt: file.provedAt.toISOString() }),
    ...(file.destination !== undefined && { destination: file.destination }),
  }
}
