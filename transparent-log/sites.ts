// What is served: the log as C2SP tlog-tiles has it, and the witness as tlog-witness has it.
import { parseTilePath, TransparencyError } from '#transparency'
import { checkpointBytes, type SignedCheckpoint } from './signed-checkpoint.ts'
import type { Answer, Site } from './site.ts'
import type { TileLog } from './tile-log.ts'
import type { Witness } from './witness.ts'

/** `checkpoint`, `tile/…`. Nothing is served that was not signed. */
export function logSite(log: { readonly tree: TileLog; readonly newest: SignedCheckpoint | undefined }): Site {
  return async (method, path) => {
    if (path === 'checkpoint') {
      if (method !== 'GET') return notAllowed
      if (log.newest === undefined) return undefined
      return { status: 200, type: 'text/plain; charset=utf-8', body: checkpointBytes(log.newest) }
    }
    if (!path.startsWith('tile/')) return undefined
    if (method !== 'GET') return notAllowed
    const tile = tileAt(path)
    const body = tile && (await log.tree.tile(tile, log.newest?.size ?? 0))
    return body && { status: 200, type: 'application/octet-stream', body, immutable: true }
  }
}

/** `add-checkpoint`, `<origin hash>/checkpoint`. */
export function witnessSite(witness: Witness): Site {
  return async (method, path, body) => {
    if (path === 'add-checkpoint') return method === 'POST' ? witness.addCheckpoint(await body()) : notAllowed
    const [, hash] = /^([0-9a-f]{64})\/checkpoint$/.exec(path) ?? []
    if (hash === undefined) return undefined
    if (method !== 'GET') return notAllowed
    const latest = witness.latest(hash)
    return latest && { status: 200, type: 'text/plain; charset=utf-8', body: latest }
  }
}

const notAllowed: Answer = { status: 405 }

function tileAt(path: string): ReturnType<typeof parseTilePath> | undefined {
  try {
    return parseTilePath(path)
  } catch (error) {
    if (error instanceof TransparencyError) return undefined
    throw error
  }
}
