// A SignedInfo without the rest of a message; samples.ts has the real one.

/** Canonical, naming this algorithm; `n` makes them differ. */
export function signedInfoFor(uri: string, n = 0): Buffer {
  const digest = '<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha512"></ds:DigestMethod>'
  const value = (fill: number) => `<ds:DigestValue>${Buffer.alloc(64, fill).toString('base64')}</ds:DigestValue>`
  return Buffer.from(
    '<ds:SignedInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">' +
      '<ds:CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"></ds:CanonicalizationMethod>' +
      `<ds:SignatureMethod Algorithm="${uri}"></ds:SignatureMethod>` +
      `<ds:Reference Id="signature-reference-${n}" URI="/message.xml">${digest}${value(7)}</ds:Reference>` +
      `<ds:Reference Id="r1" Type="http://uri.etsi.org/01903#SignedProperties" URI="#signed-properties">${digest}${value(8)}</ds:Reference></ds:SignedInfo>`,
  )
}
