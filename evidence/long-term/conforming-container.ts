// The conforming layout (EN 319 162-1 §4.4.3): mimetype stored first, the OpenDocument manifest, signatures, then the data objects. What proves
// the signature's age in X-Road's own way comes along in META-INF/xroad, where no validator of ASiC-E looks for data objects.
import { escapeAttribute } from '#protocol'
import { ASICE_MIME_TYPE } from '../container.ts'
import { writeZip, type ZipEntry } from '../zip-writer.ts'
import { ORIGINAL, SIGNATURES_ENTRY } from './entry-names.ts'
import { mediaType, uriOf } from './record-manifest.ts'

export interface ConformingContainer {
  readonly createdAt: Date
  readonly signature: Uint8Array
  readonly dataObjects: readonly {
    readonly name: string
    readonly size?: number
    readonly body: Uint8Array | (() => AsyncIterable<Uint8Array>)
  }[]
  readonly original: { readonly signature: Uint8Array; readonly timestamp?: OriginalTimestamp }
}

export interface OriginalTimestamp {
  readonly token: Uint8Array
  readonly result: Uint8Array
  readonly chain: Uint8Array
}

export async function* writeConforming(input: ConformingContainer): AsyncGenerator<Uint8Array> {
  const { createdAt: modifiedAt, original } = input
  const entry = (name: string, body: ZipEntry['body'], size?: number): ZipEntry => ({
    name,
    modifiedAt,
    body,
    ...(size === undefined ? {} : { size }),
    compress: true,
  })
  const { timestamp } = original
  const dataObjects = input.dataObjects.map(({ name, body, size }) => entry(name, body, size))
  yield* writeZip(
    [
      // §A.1: first, stored, without an extra field, so that the type can be read at a fixed place.
      { ...entry('mimetype', Buffer.from(ASICE_MIME_TYPE)), compress: false },
      entry('META-INF/manifest.xml', manifest(dataObjects)),
      entry(SIGNATURES_ENTRY, input.signature),
      entry(ORIGINAL.signature, original.signature),
      ...(timestamp === undefined
        ? []
        : [
            entry(ORIGINAL.token, timestamp.token),
            entry(ORIGINAL.result, timestamp.result),
            entry(ORIGINAL.chain, timestamp.chain),
          ]),
      ...dataObjects,
    ],
    `mimetype=${ASICE_MIME_TYPE}`,
  )
}

/** OpenDocument 1.2, part 3, §4: every data object and its type. */
function manifest(files: readonly ZipEntry[]): Uint8Array {
  const entries = files.map(
    ({ name }) =>
      `<manifest:file-entry manifest:full-path="${escapeAttribute(uriOf(name))}" manifest:media-type="${mediaType(name)}"/>`,
  )
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"><manifest:file-entry manifest:full-path="/" manifest:version="1.2" manifest:media-type="${ASICE_MIME_TYPE}"/>${entries.join('')}</manifest:manifest>\n`,
  )
}
