// Which files of a container its evidence record is over (EN 319 162-1 §A.4, ASiCEvidenceRecordManifest): names and digests. The record
// vouches for the files; the manifest only says where to look, so a reader compares it and believes nothing of it.
import { attributeOf, childElements, escapeAttribute, ProtocolError, readXml, type XmlElement } from '#protocol'
import { type DigestName, decodeBase64, digestByUri, digestInfo, encodeBase64 } from '#trust'
import { DSIG } from '../signature-reader.ts'
import { RECORD_ENTRY } from './entry-names.ts'
import { LongTermError } from './error.ts'

const ASIC = 'http://uri.etsi.org/02918/v1.2.1#'
/** As RFC 4998 §6 registers it. */
const RECORD_TYPE = 'application/ers'
const MAX_BYTES = 4 << 20
const MAX_FILES = 10_000

export interface ManifestFile {
  readonly name: string
  readonly digest: DigestName
  readonly value: Uint8Array
}

export function writeRecordManifest(files: readonly ManifestFile[]): Uint8Array {
  const references = files.map(
    ({ name, digest, value }) =>
      `<asic:DataObjectReference URI="${escapeAttribute(uriOf(name))}" MimeType="${mediaType(name)}"><ds:DigestMethod Algorithm="${digestInfo(digest).uri}"/><ds:DigestValue>${encodeBase64(value)}</ds:DigestValue></asic:DataObjectReference>`,
  )
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?>\n<asic:ASiCManifest xmlns:asic="${ASIC}" xmlns:ds="${DSIG}"><asic:SigReference URI="${RECORD_ENTRY}" MimeType="${RECORD_TYPE}"/>${references.join('')}</asic:ASiCManifest>\n`,
  )
}

/** Throws LongTermError `malformed_evidence_record`. */
export function readRecordManifest(xml: Uint8Array): readonly ManifestFile[] {
  let root: XmlElement
  try {
    root = readXml(xml, { maxBytes: MAX_BYTES, maxDepth: 8, maxNodes: 8 * MAX_FILES })
  } catch (cause) {
    if (!(cause instanceof ProtocolError)) throw cause
    throw malformed('it is not XML', cause)
  }
  if (root.namespace !== ASIC || root.local !== 'ASiCManifest') throw malformed(`its root is ${root.name}`)
  const [reference, ...others] = childElements(root, ASIC, 'SigReference')
  if (reference === undefined || others.length > 0 || attributeOf(reference, 'URI') !== RECORD_ENTRY)
    throw malformed(`it is not the manifest of ${RECORD_ENTRY}`)
  const names = new Set<string>()
  return childElements(root, ASIC, 'DataObjectReference').map((element) => {
    const file = readFile(element)
    if (names.has(file.name)) throw malformed(`it names ${file.name} twice`)
    names.add(file.name)
    return file
  })
}

function readFile(element: XmlElement): ManifestFile {
  const [method, more] = childElements(element, DSIG, 'DigestMethod')
  const [value, another] = childElements(element, DSIG, 'DigestValue')
  if (method === undefined || value === undefined || more !== undefined || another !== undefined)
    throw malformed('a file has not one digest')
  const algorithm = digestByUri(attributeOf(method, 'Algorithm') ?? '')
  const [text = ''] = value.children
  const bytes = typeof text === 'string' ? decodeBase64(text, { whitespace: true }) : undefined
  if (algorithm === undefined || algorithm.use === 'names' || bytes?.length !== algorithm.length)
    throw malformed('a digest cannot be read')
  return { name: nameOf(attributeOf(element, 'URI')), digest: algorithm.name, value: bytes }
}

/** A name in the container as a relative reference (RFC 3986 §4.2): everything but unreserved characters and the slash is escaped. */
export function uriOf(name: string): string {
  return name.split('/').map(encodeURIComponent).join('/')
}

function nameOf(uri: string | undefined): string {
  try {
    if (uri !== undefined && uri !== '') return decodeURIComponent(uri)
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause
  }
  throw malformed(`${uri} names no file`)
}

/** For people and their programs; nothing is decided by it. */
export function mediaType(name: string): string {
  if (name.endsWith('.xml')) return 'text/xml'
  return name.endsWith('.tst') ? 'application/vnd.etsi.timestamp-token' : 'application/octet-stream'
}

function malformed(why: string, cause?: unknown): LongTermError {
  const options = cause === undefined ? {} : { cause }
  return new LongTermError(
    'malformed_evidence_record',
    `The manifest of the evidence record is malformed: ${why}`,
    options,
  )
}
