// Access rights as server.yaml writes them: to whom, and for which endpoints (wire-client §5.1).
import { type ClientId, compilePattern, type EndpointPattern, parseClientId } from '#protocol'
import type { Faults } from './document-faults.ts'
import type { RightInput } from './document-schema.ts'
import type { AccessRight, LocalGroup, Subject } from './model.ts'

/** The rights of one entry; what is wrong with it becomes a fault of `path`. */
export function readRights(
  input: RightInput,
  path: string,
  { groups, faults }: { readonly groups: readonly LocalGroup[]; readonly faults: Faults },
): AccessRight[] {
  const subject = readSubject(input, path, groups, faults)
  const endpoints = input.endpoints?.map((written, index) =>
    faults.attempt(`${path}.endpoints[${index}]`, () => readEndpoint(written)),
  )
  if (subject === undefined) return []
  if (endpoints === undefined) return [{ subject }]
  return endpoints.filter((endpoint) => endpoint !== undefined).map((endpoint) => ({ subject, endpoint }))
}

function readSubject(
  input: RightInput,
  path: string,
  groups: readonly LocalGroup[],
  faults: Faults,
): Subject | undefined {
  const { subject, globalGroup, localGroup } = input
  if ([subject, globalGroup, localGroup].filter((name) => name !== undefined).length !== 1) {
    faults.add(path, 'needs exactly one of subject, globalGroup and localGroup')
    return undefined
  }
  if (globalGroup !== undefined) return { kind: 'global-group', code: globalGroup }
  if (localGroup !== undefined) {
    if (!groups.some(({ code }) => code === localGroup))
      faults.add(`${path}.localGroup`, `${localGroup} is not a local group of this client`)
    return { kind: 'local-group', code: localGroup }
  }
  const id = faults.attempt(`${path}.subject`, () => subsystem(subject ?? ''))
  return id === undefined ? undefined : { kind: 'client', id }
}

/** Rights are given to subsystems, never to a member as a whole (wire-client §5.1). */
export function subsystem(written: string): ClientId {
  const id = parseClientId(written)
  if (id.subsystemCode === undefined) throw new Error(`${written} is a member; rights belong to subsystems`)
  return id
}

/** `GET /persons/*`, `* /open/**`, or a path alone for any method. */
function readEndpoint(written: string): EndpointPattern {
  const match = /^(?:([A-Za-z]+|\*)[ ]+)?([/*].*)$/.exec(written.trim())
  if (match === null) throw new Error(`'${written}' is not METHOD /path`)
  const pattern = { method: (match[1] ?? '*').toUpperCase(), path: match[2] ?? '' }
  compilePattern(pattern)
  return pattern
}
