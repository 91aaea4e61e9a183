// Namespaces of SOAP messages (PR-MESS §2, PR-TARGETSS, PR-THIRDPARTY). Prefixes are free; a name is its namespace and local name.

export const SOAP = 'http://schemas.xmlsoap.org/soap/envelope/'
/** The encoding of RPC style. */
export const SOAP_ENCODING = 'http://schemas.xmlsoap.org/soap/encoding/'
export const XROAD = 'http://x-road.eu/xsd/xroad.xsd'
export const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'
export const REPRESENTATION = 'http://x-road.eu/xsd/representation.xsd'
