// Distinguished names: compared as bytes, read by attribute, shown as RFC 2253 text.
import { type Der, isText } from './der.ts'
import { write } from './der-writer.ts'
import { oids } from './oids.ts'

export interface NameAttribute {
  readonly oid: string
  readonly value: string
}

export interface Name {
  readonly der: Uint8Array
  /** RFC 2253: last RDN first. Types without a short name stand as OIDs, their values readable. What `ds:X509IssuerName` holds. */
  readonly text: string
  readonly attributes: readonly NameAttribute[]
  /** The last one in DER order wins when an attribute repeats, as in the reference (wire-conf §5.3). */
  get(oid: string): string | undefined
}

const SHORT = new Map<string, string>([
  [oids.commonName, 'CN'],
  [oids.organization, 'O'],
  [oids.organizationalUnit, 'OU'],
  [oids.country, 'C'],
  [oids.locality, 'L'],
  [oids.stateOrProvince, 'ST'],
  [oids.street, 'STREET'],
  [oids.domainComponent, 'DC'],
  [oids.userId, 'UID'],
])
const MAX_ATTRIBUTES = 64

export function readName(der: Der): Name {
  const attributes: NameAttribute[] = []
  const relative: string[] = []
  for (const rdn of der.parts(0x30, 0, MAX_ATTRIBUTES, 'name')) {
    const parts = rdn.parts(0x31, 1, MAX_ATTRIBUTES, 'relative name').map((attribute) => {
      attribute.parts(0x30, 2, 2, 'attribute')
      const oid = attribute.child(0).oid()
      const { value, shown } = readValue(attribute.child(1))
      attributes.push({ oid, value })
      return `${SHORT.get(oid) ?? oid}=${shown}`
    })
    relative.unshift(parts.join('+'))
  }
  return {
    der: der.raw,
    text: relative.join(','),
    attributes,
    get: (oid) => attributes.findLast((attribute) => attribute.oid === oid)?.value,
  }
}

/** A name of single-valued RDNs in the order given; country and serial numbers as PrintableString (RFC 5280 Appendix A). */
export function writeName(attributes: readonly NameAttribute[]): Uint8Array {
  return write.sequence(
    ...attributes.map(({ oid, value }) => {
      const text = oid === oids.country || oid === oids.serialNumber ? write.printable(value) : write.utf8(value)
      // X.520 allows only PrintableString for these two; anything else in them is written as it must be to be read back.
      const safe = /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(value) ? text : write.utf8(value)
      return write.set(write.sequence(write.oid(oid), safe))
    }),
  )
}

/** A value that is no character string (a bit string, say) stands as `#` and its encoding in hex (RFC 2253 §2.4). */
function readValue(der: Der): { value: string; shown: string } {
  if (!isText(der)) {
    const value = `#${Buffer.from(der.raw).toString('hex')}`
    return { value, shown: value }
  }
  const value = der.text()
  return { value, shown: escapeValue(value) }
}

/** RFC 2253 §2.4. */
function escapeValue(value: string): string {
  return value.replace(/[,+"\\<>;=]|^[# ]| $/g, '\\$&')
}
