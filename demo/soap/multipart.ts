// SOAP with Attachments and MTOM: a message and files in one multipart/related (RFC 2387; SwA; XOP §3).
import { refused } from './fault.ts'

const MAX_PARTS = 20

export interface MediaType {
  /** `text/xml`, in lower case. */
  readonly type: string
  /** Names in lower case, values without their quotes. */
  readonly parameters: ReadonlyMap<string, string>
}

/** A Content-Type header; undefined for what is none. */
export function readMediaType(header: string): MediaType | undefined {
  const [, type, rest = ''] = /^\s*([\w.+-]+\/[\w.+-]+)\s*(.*)$/s.exec(header) ?? []
  if (type === undefined || header.length > 1000) return undefined
  const parameters = new Map<string, string>()
  const parameter = /\s*;\s*(?:([\w*-]+)=(?:"([^"\\]*)"|([^\s;"]+)))?/y
  while (parameter.lastIndex < rest.length) {
    const found = parameter.exec(rest)
    if (!found)
      return rest.slice(parameter.lastIndex).trim() === '' ? { type: type.toLowerCase(), parameters } : undefined
    const [, name, quoted, plain] = found
    if (name !== undefined) parameters.set(name.toLowerCase(), quoted ?? plain ?? '')
  }
  return { type: type.toLowerCase(), parameters }
}

export interface Part {
  readonly contentType: string
  readonly bytes: Buffer
}

/**
 * The parts of a message that is there whole. A preamble, another end than the boundary's own, parts without a head: all refused.
 *
 * @throws SoapFault `invalid_message`
 */
export function readParts(body: Buffer, boundary: string): readonly Part[] {
  if (boundary === '' || boundary.length > 70) throw refused('the multipart has no boundary')
  const delimiter = Buffer.from(`\r\n--${boundary}`)
  // The first delimiter may stand at the very beginning, where no line ends before it.
  const whole = body.subarray(0, 2).equals(Buffer.from('\r\n')) ? body : Buffer.concat([Buffer.from('\r\n'), body])
  const parts: Part[] = []
  let at = 0
  if (!startsWith(whole, delimiter, at)) throw refused('the multipart does not begin with its boundary')
  for (;;) {
    at += delimiter.length
    if (startsWith(whole, Buffer.from('--'), at)) return parts
    if (!startsWith(whole, Buffer.from('\r\n'), at))
      throw refused('a line of the multipart only begins like its boundary')
    const end = whole.indexOf(delimiter, at)
    if (end < 0) throw refused('the multipart has no end')
    if (parts.length === MAX_PARTS) throw refused(`the multipart has more than ${MAX_PARTS} parts`)
    parts.push(readPart(whole.subarray(at + 2, end)))
    at = end
  }
}

function readPart(part: Buffer): Part {
  const empty = startsWith(part, Buffer.from('\r\n'), 0)
  const end = empty ? 0 : part.indexOf('\r\n\r\n')
  if (end < 0 || end > 4096) throw refused('a part of the multipart has no head, or one that is too long')
  const lines = part.subarray(0, end).toString('latin1').split('\r\n')
  const encoding = headerOf(lines, 'content-transfer-encoding')?.toLowerCase() ?? 'binary'
  if (!['7bit', '8bit', 'binary'].includes(encoding)) throw refused(`parts in ${encoding} are not read`)
  return {
    contentType: headerOf(lines, 'content-type') ?? 'text/plain',
    bytes: part.subarray(end + (empty ? 2 : 4)),
  }
}

function headerOf(lines: readonly string[], name: string): string | undefined {
  return lines
    .find((line) => line.toLowerCase().startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim()
}

function startsWith(bytes: Buffer, start: Buffer, at: number): boolean {
  return bytes.subarray(at, at + start.length).equals(start)
}

export interface Attachment {
  /** What the message refers to as `cid:…`. */
  readonly id: string
  readonly type: string
  readonly bytes: Buffer
}

/** An envelope and its file. With `xop` the file is a value of the message that travels beside it (MTOM). */
export function writeMultipart(
  envelope: string,
  { id, type, bytes }: Attachment,
  xop: boolean,
): { contentType: string; body: Buffer } {
  // Nothing of what is written has a line with it: the envelope is ours, the file begins with the signature of a PNG.
  const boundary = `demo-${crypto.randomUUID()}`
  const root = xop ? 'application/xop+xml; charset=UTF-8; type="text/xml"' : 'text/xml; charset=UTF-8'
  const related = xop ? 'type="application/xop+xml"; start-info="text/xml"' : 'type="text/xml"'
  const head = (lines: readonly string[]) => `--${boundary}\r\n${lines.join('\r\n')}\r\n\r\n`
  const body = Buffer.concat([
    Buffer.from(head([`Content-Type: ${root}`, 'Content-Transfer-Encoding: 8bit', 'Content-ID: <message>'])),
    Buffer.from(`${envelope}\r\n`),
    Buffer.from(head([`Content-Type: ${type}`, 'Content-Transfer-Encoding: binary', `Content-ID: <${id}>`])),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ])
  return { contentType: `multipart/related; ${related}; start="<message>"; boundary="${boundary}"`, body }
}
