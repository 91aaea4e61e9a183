// Requests are read strictly: every element has its place (op-monitoring.xsd), and what has none is refused.
import { attributeOf, type ClientId, isElement, MAX_ID_LENGTH, textOf, type XmlElement } from '#protocol'
import { invalidRequest } from './answer.ts'

export const IDENTIFIERS = 'http://x-road.eu/xsd/identifiers'

/** The children by local name: each of `names` at most `most` times, in the order of the schema, nothing else beside them. */
export function sequence<Name extends string>(
  element: XmlElement,
  namespace: string,
  names: readonly Name[],
  most = 1,
): Record<Name, readonly XmlElement[]> {
  const found = Object.fromEntries(names.map((name) => [name, [] as XmlElement[]])) as Record<Name, XmlElement[]>
  let place = 0
  for (const node of element.children) {
    if (typeof node === 'string' && node.trim() === '') continue
    if (!isElement(node)) {
      if (typeof node === 'string') throw invalidRequest(`<${element.local}> has text where elements are due`)
      continue
    }
    const index = names.indexOf(node.local as Name)
    const name = names[index]
    if (name === undefined || node.namespace !== namespace || index < place)
      throw invalidRequest(`<${element.local}> must not have <${node.name}> there`)
    place = index
    found[name].push(node)
    if (found[name].length > most) throw invalidRequest(`<${element.local}> has more than ${most} <${name}>`)
  }
  return found
}

/** The element that must be there once. */
export function only(found: readonly XmlElement[], parent: string, name: string): XmlElement {
  const [first] = found
  if (first === undefined) throw invalidRequest(`<${parent}> has no <${name}>`)
  return first
}

/** Text without elements in it, as it stands. */
export function textContent(element: XmlElement): string {
  if (element.children.some(isElement)) throw invalidRequest(`<${element.local}> must be text`)
  return textOf(element)
}

const LONG = { least: -(2n ** 63n), most: 2n ** 63n - 1n }

/** xs:long. What a number cannot hold exactly is far beyond every time, and cut to the largest that it can. */
export function long(element: XmlElement): number {
  const text = textContent(element).replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
  if (!/^[+-]?\d{1,40}$/.test(text)) throw invalidRequest(`<${element.local}> is not a whole number`)
  const value = BigInt(text.replace(/^\+/, ''))
  if (value < LONG.least || value > LONG.most) throw invalidRequest(`<${element.local}> is not a 64-bit number`)
  const safe = BigInt(Number.MAX_SAFE_INTEGER)
  return Number(value > safe ? safe : value < -safe ? -safe : value)
}

/** XRoadClientIdentifierType: a member, or a subsystem with its code. */
export function clientIdentifier(element: XmlElement): ClientId {
  const kind = attributeOf(element, 'objectType', IDENTIFIERS)
  const parts = sequence(element, IDENTIFIERS, ['xRoadInstance', 'memberClass', 'memberCode', 'subsystemCode'])
  const part = (name: keyof typeof parts): string => {
    const value = textContent(only(parts[name], element.local, name))
    if (value.trim() === '' || value.length > MAX_ID_LENGTH || !value.isWellFormed())
      throw invalidRequest(`<${name}> is not a part of an identifier`)
    return value
  }
  const member = { instance: part('xRoadInstance'), memberClass: part('memberClass'), memberCode: part('memberCode') }
  const isSubsystem = parts.subsystemCode.length > 0
  if (kind !== (isSubsystem ? 'SUBSYSTEM' : 'MEMBER'))
    throw invalidRequest(`<${element.local}> is not the identifier of a member or a subsystem`)
  return isSubsystem ? { ...member, subsystemCode: part('subsystemCode') } : member
}

/** The texts of the children of that name: an outputSpec. */
export function texts(element: XmlElement, namespace: string, local: string, most: number): string[] {
  return sequence(element, namespace, [local], most)[local]?.map(textContent) ?? []
}
