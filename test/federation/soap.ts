// SOAP as information systems speak it: messages written without the house's own writers, and a service with every manner and every fault.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { writeChunk } from '../../security-server/exchange/write.ts'

const ENVELOPE = 'http://schemas.xmlsoap.org/soap/envelope/'

/** What the service offers; each answers as its name says. */
export const OPERATIONS = [
  'echo',
  'count',
  'three',
  'big',
  'mtom',
  'utf16',
  'fault',
  'faultPart',
  'status502',
  'noType',
  'plainText',
  'gzipped',
  'garbage',
  'cut',
  'cutAttachment',
  'emptyMultipart',
  'noHeader',
  'otherId',
  'doctype',
] as const
export type Operation = (typeof OPERATIONS)[number]

export function wsdlOf(address: string): string {
  const operations = OPERATIONS.map(
    (name) => `<w:operation name="${name}"><soap:operation soapAction=""/></w:operation>`,
  )
  return `<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:t" targetNamespace="urn:t" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">
<w:portType name="p"/><w:binding name="b" type="t:p"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>${operations.join('')}</w:binding>
<w:service name="s"><w:port name="p" binding="t:b"><soap:address location="${address}"/></w:port></w:service></w:definitions>`
}

/** A request of TEST/GOV/2222/office to the service of TEST/GOV/1111/registry. */
export function envelope(
  code: string,
  id: string,
  more: { header?: string; body?: string; rpc?: boolean } = {},
): string {
  const { header = '', body = '<mark>Q-1</mark>', rpc = false } = more
  const member = (instance: string, code: string, subsystem: string) =>
    `<i:xRoadInstance>${instance}</i:xRoadInstance><i:memberClass>GOV</i:memberClass><i:memberCode>${code}</i:memberCode><i:subsystemCode>${subsystem}</i:subsystemCode>`
  const style = rpc ? ' S:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"' : ''
  return `<?xml version="1.0" encoding="utf-8"?>
<S:Envelope xmlns:S="${ENVELOPE}" xmlns:x="http://x-road.eu/xsd/xroad.xsd" xmlns:i="http://x-road.eu/xsd/identifiers"${style}>
  <S:Header>
    <x:client i:objectType="SUBSYSTEM">${member('TEST', '2222', 'office')}</x:client>
    <x:service i:objectType="SERVICE">${member('TEST', '1111', 'registry')}<i:serviceCode>${code}</i:serviceCode></x:service>
    <x:id>${id}</x:id><x:userId>EE1</x:userId>${header}
    <x:protocolVersion>4.0</x:protocolVersion>
  </S:Header>
  <S:Body><b:${code} xmlns:b="urn:t">${body}</b:${code}></S:Body>
</S:Envelope>
`
}

/** Parts as [header lines, body]. */
export function multipart(boundary: string, parts: readonly (readonly [string, Uint8Array | string])[]): Buffer {
  const pieces = parts.map(([lines, body]) =>
    Buffer.concat([Buffer.from(`--${boundary}\r\n${lines}\r\n\r\n`), Buffer.from(body), Buffer.from('\r\n')]),
  )
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)])
}

/** Takes a small multipart apart, parts as [header lines, body]. */
export function partsOf(contentType: string, bytes: Buffer): [string, string][] {
  const boundary = /boundary="?([^";]+)/.exec(contentType)?.[1] ?? 'none'
  const [, ...pieces] = `\r\n${bytes.toString('latin1')}`.split(`\r\n--${boundary}`)
  return pieces.slice(0, -1).map((piece) => {
    const at = piece.indexOf('\r\n\r\n')
    return [piece.slice(2, at), piece.slice(at + 4)]
  })
}

function fault(code: string): string {
  return `<S:Envelope xmlns:S="${ENVELOPE}"><S:Body><S:Fault><faultcode>${code}</faultcode><faultstring>no &lt;such&gt; parcel</faultstring></S:Fault></S:Body></S:Envelope>`
}

export const SERVICE_FAULT = fault('S:Server.Parcel')

const RELATED = 'multipart/related; type="text/xml"; start="<r>"; boundary=svc'
const SOAP_PART = 'Content-Type: text/xml; charset=UTF-8\r\nContent-ID: <r>'

/** Answers a request that came whole, or as far as `body` goes of one that is long. */
export async function serveSoap(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  seen: { readonly bytes: number; readonly sha256: string },
): Promise<void> {
  const type = request.headers['content-type'] ?? ''
  const parts = type.startsWith('multipart/') ? partsOf(type, body) : []
  const asked = parts[0] === undefined ? (body[0] === 0xff ? body.toString('utf16le') : body.toString()) : parts[0][1]
  const operation = (/<b:(\w+)/.exec(asked)?.[1] ?? 'echo') as Operation
  const answer = (content: string) =>
    asked
      .replace(/<x:requestHash.*<\/x:requestHash>/, '')
      .replace(
        /<(\w+):Body>.*<\/\1:Body>/s,
        `<$1:Body><b:${operation}Response xmlns:b="urn:t">${content}</b:${operation}Response></$1:Body>`,
      )
  const send = (contentType: string, bytes: string | Buffer, status = 200) =>
    void response.writeHead(status, { 'Content-Type': contentType, 'Set-Cookie': 'a=1' }).end(bytes)
  const related = (...attached: [string, Uint8Array | string][]) =>
    send(RELATED, multipart('svc', [[SOAP_PART, answer('<ok/>')], ...attached]))
  switch (operation) {
    case 'echo':
      return parts.length > 1
        ? related(...parts.slice(1).map(([lines, part]): [string, Buffer] => [lines, Buffer.from(part, 'latin1')]))
        : send(
            'text/xml; charset=UTF-8',
            answer(`<type>${type.replaceAll('"', '')}</type><action>${request.headers['soapaction']}</action>`),
          )
    case 'count':
      return send('text/xml', answer(`<bytes>${seen.bytes}</bytes><sha>${seen.sha256}</sha>`))
    case 'three':
      return related(
        ['Content-Type: text/plain\r\nX-Own: yes', 'one'],
        ['Content-Type: a/b', ''],
        ['Content-Type: c/d', 'three'],
      )
    case 'big': {
      response.writeHead(200, { 'Content-Type': RELATED })
      response.write(`--svc\r\n${SOAP_PART}\r\n\r\n${answer('<ok/>')}\r\n--svc\r\nContent-Type: a/b\r\n\r\n`)
      const block = Buffer.alloc(64 * 1024, 'x')
      for (let left = Number(/<mark>(\d+)/.exec(asked)?.[1]); left > 0; left -= block.length)
        if (!(await writeChunk(response, left < block.length ? block.subarray(0, left) : block))) return
      return void response.end('\r\n--svc--\r\n')
    }
    case 'mtom': {
      const include = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:a@b"/>'
      const soap = 'content-type: application/xop+xml; charset=UTF-8; type="text/xml";\r\ncontent-id: <0@b>'
      const type = 'multipart/related; type="application/xop+xml"; start="<0@b>"; start-info="text/xml"; boundary="svc"'
      return send(
        type,
        multipart('svc', [
          [soap, answer(include)],
          ['content-type: application/octet-stream\r\ncontent-id: <a@b>', Buffer.of(0, 1, 255)],
        ]),
      )
    }
    case 'utf16':
      return send(
        'text/xml; charset=UTF-16',
        Buffer.from(`\ufeff${answer('<é/>').replace('utf-8', 'UTF-16')}`, 'utf16le'),
      )
    case 'fault':
      return send('text/xml', SERVICE_FAULT, 500)
    case 'faultPart':
      return send(
        RELATED,
        multipart('svc', [
          [SOAP_PART, SERVICE_FAULT],
          ['Content-Type: a/b', 'x'],
        ]),
      )
    case 'status502':
      return send('text/xml', answer(''), 502)
    case 'noType':
      return void response.writeHead(200).end(answer(''))
    case 'plainText':
      return send('text/plain', answer(''))
    case 'gzipped':
      return void response
        .writeHead(200, { 'Content-Type': 'text/xml', 'Content-Encoding': 'gzip' })
        .end(gzipSync(answer('')))
    case 'garbage':
      return void request.socket.end('this is not HTTP\r\n\r\n')
    case 'cut':
      response.writeHead(200, { 'Content-Type': 'text/xml', 'Content-Length': '100000' }).write(answer(''))
      return void setTimeout(() => request.socket.destroy(), 50)
    case 'cutAttachment':
      response.writeHead(200, { 'Content-Type': RELATED })
      response.write(
        `--svc\r\n${SOAP_PART}\r\n\r\n${answer('')}\r\n--svc\r\nContent-Type: a/b\r\n\r\n${'x'.repeat(200_000)}`,
      )
      return void setTimeout(() => request.socket.destroy(), 50)
    case 'emptyMultipart':
      return send(RELATED, '--svc--\r\n')
    case 'noHeader':
      return send('text/xml', answer('').replace(/<S:Header>.*<\/S:Header>/s, ''))
    case 'otherId':
      return send('text/xml', answer('').replace(/<x:id>.*<\/x:id>/, '<x:id>another</x:id>'))
    case 'doctype':
      return send('text/xml', answer('').replace('<S:Envelope', '<!DOCTYPE x><S:Envelope'))
  }
}
