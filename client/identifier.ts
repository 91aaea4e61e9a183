// Identifiers as people write them (`DEMO/GOV/70000001/population-register/persons`), and as URLs, headers and SOAP have them.

/** A member, or one of its subsystems. */
export interface ClientId {
  readonly instance: string
  readonly memberClass: string
  readonly memberCode: string
  readonly subsystemCode?: string
}

/** A service. Only SOAP services have a version, and only SOAP services may belong to a member without subsystem. */
export interface ServiceId extends ClientId {
  readonly serviceCode: string
  readonly serviceVersion?: string
}

/** A security server, named after its owner. */
export interface ServerId {
  readonly instance: string
  readonly memberClass: string
  readonly memberCode: string
  readonly serverCode: string
}

/** Who a message is sent for. */
export interface RepresentedParty {
  readonly partyClass?: string
  readonly partyCode: string
}

/** `INSTANCE/CLASS/MEMBER` or `INSTANCE/CLASS/MEMBER/SUBSYSTEM`; parts may be percent-encoded, as in `X-Road-Client`. */
export function clientId(id: string | ClientId): ClientId {
  if (typeof id !== 'string') return checked(id, [id.instance, id.memberClass, id.memberCode], [id.subsystemCode])
  const [instance = '', memberClass = '', memberCode = '', subsystemCode] = partsOf(
    id,
    3,
    4,
    'INSTANCE/CLASS/MEMBER[/SUBSYSTEM]',
  )
  return { instance, memberClass, memberCode, ...(subsystemCode !== undefined && { subsystemCode }) }
}

/** `INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE`, and `/VERSION` behind it for SOAP. A service without subsystem is given as an object. */
export function serviceId(id: string | ServiceId): ServiceId {
  if (typeof id !== 'string')
    return checked(
      id,
      [id.instance, id.memberClass, id.memberCode, id.serviceCode],
      [id.subsystemCode, id.serviceVersion],
    )
  const [instance = '', memberClass = '', memberCode = '', subsystemCode = '', serviceCode = '', serviceVersion] =
    partsOf(id, 5, 6, 'INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE[/VERSION]')
  return {
    instance,
    memberClass,
    memberCode,
    subsystemCode,
    serviceCode,
    ...(serviceVersion !== undefined && { serviceVersion }),
  }
}

/** `INSTANCE/CLASS/MEMBER/SERVER`. */
export function serverId(id: string | ServerId): ServerId {
  if (typeof id !== 'string') return checked(id, [id.instance, id.memberClass, id.memberCode, id.serverCode], [])
  const [instance = '', memberClass = '', memberCode = '', serverCode = ''] = partsOf(
    id,
    4,
    4,
    'INSTANCE/CLASS/MEMBER/SERVER',
  )
  return { instance, memberClass, memberCode, serverCode }
}

/** `CLASS/CODE` or `CODE`. */
export function representedParty(party: string | RepresentedParty): RepresentedParty {
  if (typeof party !== 'string') return checked(party, [party.partyCode], [party.partyClass])
  const parts = partsOf(party, 1, 2, '[CLASS/]CODE')
  const [partyClass, partyCode = ''] = parts.length === 2 ? parts : [undefined, parts[0]]
  return { ...(partyClass !== undefined && { partyClass }), partyCode }
}

/** Percent-encoded parts joined by `/`: the form of URLs and of `X-Road-*` headers (PR-REST §4.1, §4.3). */
export function encodeId(id: ClientId | ServiceId | ServerId | RepresentedParty): string {
  const fields = { ...id } as Readonly<Record<string, string | undefined>>
  return ORDER.map((field) => fields[field])
    .filter((part) => part !== undefined)
    .map(encodeURIComponent)
    .join('/')
}

const ORDER = [
  'instance',
  'memberClass',
  'memberCode',
  'subsystemCode',
  'serverCode',
  'serviceCode',
  'serviceVersion',
  'partyClass',
  'partyCode',
]

function partsOf(id: string, least: number, most: number, shape: string): string[] {
  const parts = id.split('/')
  if (parts.length < least || parts.length > most) throw new TypeError(`'${id}' is not ${shape}`)
  return parts.map((part) => {
    let plain: string
    try {
      plain = decodeURIComponent(part)
    } catch {
      throw new TypeError(`'${id}': '${part}' is not percent-encoded UTF-8; write a % as %25`)
    }
    checkPart(plain, id)
    return plain
  })
}

function checked<T>(id: T, needed: readonly (string | undefined)[], optional: readonly (string | undefined)[]): T {
  for (const part of [...needed, ...optional.filter((each) => each !== undefined)]) checkPart(part, JSON.stringify(id))
  return id
}

/** X-Road's columns hold 255 characters; `.` and `..` would change the URL. */
function checkPart(part: unknown, id: string): void {
  if (typeof part !== 'string' || part.trim() === '') throw new TypeError(`${id}: a part of the identifier is empty`)
  if (part.length > 255 || part === '.' || part === '..' || /\p{Cc}/u.test(part) || !part.isWellFormed())
    throw new TypeError(`${id}: '${part}' cannot be a part of an identifier`)
}
