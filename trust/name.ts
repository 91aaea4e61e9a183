// Distinguished names: compared as bytes, read by attribute, shown as RFC 2253 text.
import type { Der } from './der.ts'
import { write } from './der-writer.ts'
import { oids } from './oids.ts'

export interface NameAttribute {
  readonly oid: string
  readonly value: string
}

export interface Name {
  readonly der: Uint8Array
  /** RFC 2253: last RDN first, unknown types as OIDs. What `ds:X509IssuerName` holds. */
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
  [oids.domainComponent, 'DC'],
])

export function readName(der: Der): Name {
  const attributes: NameAttribute[] = []
  const relative: string[] = []
  for (const rdn of der.expect(0x30, 'name').children()) {
    const parts = rdn
      .expect(0x31, 'relative name')
      .children()
      .map((attribute) => {
        const oid = attribute.expect(0x30, 'attribute').child(0).oid()
        const value = attribute.child(1, 'attribute value').text()
        attributes.push({ oid, value })
        return `${SHORT.get(oid) ?? oid}=${escapeValue(value)}`
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

/** RFC 2253 §2.4. */
function escapeValue(value: string): string {
  return value
    .replace(/[,+"\\<>;=]/g, '\\$&')
    .replace(/^([# ])/, '\\$1')
    .replace(/ $/, '\\ ')
}
