// SOAP messages for tests: a whole one, and what to change of it.

export interface Written {
  readonly declaration?: string
  /** Attributes of the envelope, with a blank before each. */
  readonly envelope?: string
  /** Header blocks by name; an empty text leaves one out. */
  readonly blocks?: Readonly<Record<string, string>>
  readonly body?: string
  /** What stands between the header's elements. */
  readonly space?: string
}

const CLIENT =
  '<x:client i:objectType="SUBSYSTEM"><i:xRoadInstance>QQ</i:xRoadInstance><i:memberClass>ORG</i:memberClass>' +
  '<i:memberCode>7001</i:memberCode><i:subsystemCode>desk</i:subsystemCode></x:client>'
const SERVICE =
  '<x:service i:objectType="SERVICE"><i:xRoadInstance>QQ</i:xRoadInstance><i:memberClass>ORG</i:memberClass>' +
  '<i:memberCode>7002</i:memberCode><i:subsystemCode>boats</i:subsystemCode><i:serviceCode>findBoat</i:serviceCode>' +
  '<i:serviceVersion>v3</i:serviceVersion></x:service>'

const BLOCKS = {
  client: CLIENT,
  service: SERVICE,
  id: '<x:id>c0ffee</x:id>',
  userId: '<x:userId>QQ123</x:userId>',
  issue: '<x:issue>case-9</x:issue>',
  protocolVersion: '<x:protocolVersion>4.0</x:protocolVersion>',
}

/** The blocks of the header in order, with those of `changed` in their places or at the end. */
export function headerBlocks(changed: Readonly<Record<string, string>> = {}): string[] {
  return Object.values({ ...BLOCKS, ...changed }).filter((block) => block !== '')
}

export function soapText(written: Written = {}): string {
  const { declaration = '<?xml version="1.0" encoding="UTF-8"?>\n', envelope = '', space = '\n  ' } = written
  const body = written.body ?? '<e:Body><b:findBoat xmlns:b="urn:boats"><mark>Q-1 õ</mark></b:findBoat></e:Body>'
  const header = headerBlocks(written.blocks)
    .map((block) => space + block)
    .join('')
  return (
    `${declaration}<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:x="http://x-road.eu/xsd/xroad.xsd" ` +
    `xmlns:i="http://x-road.eu/xsd/identifiers" xmlns:r="http://x-road.eu/xsd/representation.xsd"${envelope}>` +
    `<e:Header>${header}${space}</e:Header>${body}</e:Envelope>`
  )
}

export function soapMessage(written: Written = {}): Buffer {
  return Buffer.from(soapText(written))
}
