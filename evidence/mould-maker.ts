// A mould made of a signature that was read in full, and tried before it is used.
import { encodeBase64 } from '#trust'
import { bufferOf, type Form, type Hole, type Holes, Mould, textIn } from './mould.ts'
import { factsOf, type ReadSignature, readSignature, type SignatureFacts } from './signature-reader.ts'

/** Undefined when the texts that vary do not each stand there once, or the trial fails. */
export function mouldOf(xml: Buffer, signature: ReadSignature): Mould | undefined {
  const holes = holesOf(xml, signature)
  const own = signature.references.find(({ uri }) => uri === `#${signature.signedPropertiesId}`)
  if (holes === undefined || own === undefined) return undefined
  const info = formOf(xml, bufferOf(signature.signedInfo()), holes.digests.flat())
  const properties = formOf(xml, bufferOf(signature.signedProperties(own.mode)), [holes.time])
  if (info === undefined || properties === undefined) return undefined
  const mould = new Mould(xml, factsOf(signature), holes, info, properties)
  const trial = otherwise(xml, signature, holes)
  const cast = mould.cast(trial)
  if (cast === undefined) return undefined
  const read = readSignature(trial)
  const agrees =
    wordsOf(cast) === wordsOf(read) &&
    bufferOf(cast.signedInfo()).equals(read.signedInfo()) &&
    bufferOf(cast.signedProperties(own.mode)).equals(read.signedProperties(own.mode))
  return agrees ? mould : undefined
}

/** All that was read, as text. Certificates are the same when their octets are. */
function wordsOf(facts: SignatureFacts): string {
  const { algorithm, references, value, certificate, signedPropertiesId } = facts
  const { signingTime, signingCertificates, intermediates, ocspAnswers, timestamp } = facts
  return JSON.stringify([
    [algorithm.uri, signedPropertiesId, signingTime, encodeBase64(value)],
    references.map((one) => [one.uri, one.digest, encodeBase64(one.value), one.mode]),
    [certificate, ...intermediates].map(({ der }) => encodeBase64(der)),
    signingCertificates.map((one) => [one.digest, encodeBase64(one.value)]),
    [...ocspAnswers, ...(timestamp === undefined ? [] : [timestamp])].map(encodeBase64),
  ])
}

const TIME = />(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z)</g
const OTHER_TIME = '1999-12-31T23:59:58.997Z'

function holesOf(xml: Buffer, { references, value, signingTime }: ReadSignature): Holes | undefined {
  const digests = references.map((reference) => holesOfValue(xml, reference.value))
  const ofValue = holesOfValue(xml, value)
  const times = [...xml.toString('latin1').matchAll(TIME)]
  const [time] = times
  if (time === undefined || times.length > 1 || signingTime === undefined || ofValue === undefined) return undefined
  if (!digests.every((one) => one !== undefined)) return undefined
  return { digests, value: ofValue, time: { from: time.index + 1, to: time.index + 1 + OTHER_TIME.length } }
}

/** In one piece, or broken at 76 characters as Java's library does (wire-message §4.1). */
function holesOfValue(xml: Buffer, value: Uint8Array): readonly Hole[] | undefined {
  const text = encodeBase64(value)
  const pieces = xml.includes(text) ? [text] : (text.match(/.{1,76}/g) ?? [])
  const holes = pieces.map((piece) => placeOf(xml, piece)).filter((hole) => hole !== undefined)
  return holes.length === pieces.length ? holes : undefined
}

function placeOf(octets: Buffer, text: string): Hole | undefined {
  const from = octets.indexOf(text)
  return from < 0 || octets.lastIndexOf(text) !== from ? undefined : { from, to: from + text.length }
}

function formOf(xml: Buffer, octets: Buffer, holes: readonly Hole[]): Form | undefined {
  const places = holes.map(({ from, to }) => {
    const place = placeOf(octets, textIn(xml, { from, to }))
    return place && { from, to, at: place.from }
  })
  return places.every((place) => place !== undefined) ? { octets, holes: places } : undefined
}

/** The document with another text in each hole: every octet of every value inverted, another time. */
function otherwise(xml: Buffer, { references, value }: SignatureFacts, holes: Holes): Buffer {
  const other = Buffer.from(xml)
  const put = (text: string, pieces: readonly Hole[]) => {
    let at = 0
    for (const { from, to } of pieces) {
      other.write(text.slice(at, at + to - from), from, 'latin1')
      at += to - from
    }
  }
  const inverted = (bytes: Uint8Array) => encodeBase64(bytes.map((octet) => octet ^ 0xff))
  references.forEach((reference, index) => void put(inverted(reference.value), holes.digests[index] ?? []))
  put(inverted(value), holes.value)
  put(OTHER_TIME, [holes.time])
  return other
}
