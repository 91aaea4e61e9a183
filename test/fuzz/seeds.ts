// Seeds that other people made, where they are at hand: the campaigns run without them too, on what our own writers write.
import { readdirSync, readFileSync } from 'node:fs'
import { headerOf, readHttp } from '../unit/protocol/http-message.ts'
import { haveVectors, vectorPath } from '../vectors.ts'

export interface Transport {
  readonly contentType: string
  readonly body: Buffer
}

/** Recorded messages between security servers; long bodies left out. */
export function recordedTransports(): readonly Transport[] {
  if (!haveVectors()) return []
  return ['rsa', 'ec'].flatMap((set) => {
    const folder = vectorPath('recorded', 'exchanges', set)
    return readdirSync(folder)
      .filter((name) => /[^s]\.(request|response)\.bin$/.test(name))
      .map((name) => readHttp(readFileSync(`${folder}/${name}`)))
      .map(({ rawHeaders, body }) => ({ contentType: headerOf(rawHeaders, 'content-type') ?? '', body }))
      .filter(({ body }) => body.length < 40_000)
  })
}

/** Bodies of the parts of that type, cut out by a regular expression: nothing here is under test. */
function partsOf(type: string): readonly Buffer[] {
  const part = new RegExp(`\\r\\nContent-Type: ?${type}[^\\r]*\\r\\n(?:[^\\r]+\\r\\n)*\\r\\n([^]*?)\\r\\n--xtop`, 'gi')
  const found = recordedTransports().flatMap(({ body }) =>
    [...body.toString('latin1').matchAll(part)].map(([, text = '']) => Buffer.from(text, 'latin1')),
  )
  return found.slice(0, 40)
}

export const recordedHeads = () => partsOf('application/x-road-rest-re(?:quest|sponse)')
export const recordedSignatures = () => partsOf('signature/bdoc-1\\.0/ts').slice(0, 6)

/** All files below a folder of the vectors. */
export function vectorFiles(...folder: readonly string[]): readonly Buffer[] {
  if (!haveVectors()) return []
  const root = vectorPath(...folder)
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`))
}
