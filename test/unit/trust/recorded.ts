// What the reference signed, taken out of the recordings by no code that is under test.
import { readdirSync } from 'node:fs'
import { inflateRawSync } from 'node:zlib'
import { parseCertificate } from '#trust'
import { vector, vectorPath } from '../../vectors.ts'
import { readHttp } from '../protocol/http-message.ts'

export const recordedCertificate = (name: string) => parseCertificate(vector('recorded', 'certs', `${name}.pem`))

/** Every distinct OCSP answer of the recorded exchanges: parts of messages, answers of port 5577, values in signatures. */
export function recordedOcspAnswers(): readonly Buffer[] {
  const found = new Map<string, Buffer>()
  const keep = (der: Buffer) => void found.set(der.toString('latin1'), der)
  for (const set of ['rsa', 'ec'])
    for (const name of readdirSync(vectorPath('recorded', 'exchanges', set))) {
      if (!/\.(request|response)\.bin$/.test(name)) continue
      const { body } = readHttp(vector('recorded', 'exchanges', set, name))
      const text = body.toString('latin1')
      for (const { index, 0: head } of text.matchAll(
        /application\/ocsp-response\r\n(?:[^\r\n]+\r\n)*\r\n(?=\x30\x82)/gi,
      )) {
        const start = index + head.length
        keep(body.subarray(start, start + 4 + body.readUInt16BE(start + 2)))
      }
      for (const [, value = ''] of text.matchAll(/EncapsulatedOCSPValue[^>]*>([^<]+)</g))
        keep(Buffer.from(value, 'base64'))
    }
  return [...found.values()]
}

/** An entry of an outside container. */
export function containerEntry(container: string, entry: string): Buffer | undefined {
  const zip = vector('asic', container)
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'))
  let at = zip.readUInt32LE(end + 16)
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const [name, extra, comment] = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ]
    if (zip.toString('utf8', at + 46, at + 46 + name) === entry) {
      const local = zip.readUInt32LE(at + 42)
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28)
      const bytes = zip.subarray(start, start + zip.readUInt32LE(at + 20))
      return zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes)
    }
    at += 46 + name + extra + comment
  }
  return undefined
}

/** Base64 values of an element in a container's signature. */
export function signatureValues(container: string, element: string): readonly Buffer[] {
  const xml = containerEntry(container, 'META-INF/signatures.xml')?.toString() ?? ''
  return [...xml.matchAll(new RegExp(`<(?:\\w+:)?${element}[^>]*>([^<]+)<`, 'g'))].map(([, text = '']) =>
    Buffer.from(text.replaceAll('&#13;', ''), 'base64'),
  )
}
