// Client identifiers as elements (wire-conf §1.1): parts in the identifiers namespace, the kind in a qualified attribute.
import type { ClientId } from '../identifier.ts'
import { attributeOf, IDENTIFIERS, malformed, maybe, one, text, type XmlElement } from './elements.ts'
import { branch, leaf, type Markup, optional } from './markup.ts'

/** MEMBER or SUBSYSTEM; a subsystem without its code and a member with one are refused. No characters are judged (§1.3). */
export function readClientIdentifier(element: XmlElement): ClientId {
  const kind = attributeOf(element, 'objectType', IDENTIFIERS)
  if (kind !== 'MEMBER' && kind !== 'SUBSYSTEM')
    throw malformed(`<${element.local}> is neither a member nor a subsystem`)
  const part = (local: string) => text(one(element, local, IDENTIFIERS))
  const subsystem = maybe(element, 'subsystemCode', IDENTIFIERS)
  const member = { instance: part('xRoadInstance'), memberClass: part('memberClass'), memberCode: part('memberCode') }
  if ((kind === 'SUBSYSTEM') !== (subsystem !== undefined))
    throw malformed(`<${element.local}> is a ${kind} ${subsystem === undefined ? 'without' : 'with'} a subsystem code`)
  return subsystem === undefined ? member : { ...member, subsystemCode: text(subsystem) }
}

export function writeClientIdentifier(name: string, id: ClientId): Markup {
  return branch(
    name,
    [
      leaf('ns2:xRoadInstance', id.instance),
      leaf('ns2:memberClass', id.memberClass),
      leaf('ns2:memberCode', id.memberCode),
      optional('ns2:subsystemCode', id.subsystemCode),
    ],
    [['ns2:objectType', id.subsystemCode === undefined ? 'MEMBER' : 'SUBSYSTEM']],
  )
}
