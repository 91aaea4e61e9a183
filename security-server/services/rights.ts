// The rights of one service code, compiled: asked for every message.
import { type ClientId, compilePattern, type EndpointPattern, idKey } from '#protocol'
import type { AccessRight } from './model.ts'

/** Who asks. */
export interface Asking {
  readonly client: ClientId
  /** Whether the client is in a global group of this instance. */
  readonly inGlobalGroup: (group: string) => boolean
}

interface Grant {
  everything: boolean
  readonly endpoints: { readonly pattern: EndpointPattern; readonly matches: ReturnType<typeof compilePattern> }[]
}

/** The rights of one service by subject. There are no denials, so the first that allows decides. */
export class Rights {
  readonly #clients = new Map<string, Grant>()
  readonly #globalGroups = new Map<string, Grant>()
  readonly #localGroups: { readonly members: ReadonlySet<string>; readonly grant: Grant }[] = []

  constructor(rights: readonly AccessRight[], groups: ReadonlyMap<string, ReadonlySet<string>>) {
    const local = new Map<string, Grant>()
    for (const { subject, endpoint } of rights) {
      const grant =
        subject.kind === 'client'
          ? grantIn(this.#clients, idKey(subject.id))
          : grantIn(subject.kind === 'global-group' ? this.#globalGroups : local, subject.code)
      if (endpoint === undefined) grant.everything = true
      else grant.endpoints.push({ pattern: endpoint, matches: compilePattern(endpoint) })
    }
    for (const [code, grant] of local) {
      const members = groups.get(code)
      if (members !== undefined) this.#localGroups.push({ members, grant })
    }
  }

  /** What allows a call by REST: the whole service, or the first pattern that covers it. */
  find(asking: Asking, method: string, path: readonly string[]): EndpointPattern | 'everything' | undefined {
    for (const grant of this.#grants(asking)) {
      if (grant.everything) return 'everything'
      const match = grant.endpoints.find(({ matches }) => matches(method, path))
      if (match !== undefined) return match.pattern
    }
    return undefined
  }

  /** Whether the whole service is allowed. */
  everything(asking: Asking): boolean {
    for (const grant of this.#grants(asking)) if (grant.everything) return true
    return false
  }

  /** Whether anything of the service is. */
  any(asking: Asking): boolean {
    return !this.#grants(asking).next().done
  }

  /** Those of the endpoints that may be called. As in the reference, a pattern is covered when a right covers its text (wire-client §4.3). */
  among(asking: Asking, endpoints: readonly EndpointPattern[]): readonly EndpointPattern[] {
    if (this.everything(asking)) return endpoints
    const granted = [...this.#grants(asking)].flatMap((grant) => grant.endpoints)
    return endpoints.filter(({ method, path }) => {
      const segments = path.slice(1).split('/')
      return granted.some(
        ({ pattern, matches }) => (pattern.method === method && pattern.path === path) || matches(method, segments),
      )
    })
  }

  *#grants({ client, inGlobalGroup }: Asking): Generator<Grant> {
    const key = idKey(client)
    const own = this.#clients.get(key)
    if (own !== undefined) yield own
    for (const { members, grant } of this.#localGroups) if (members.has(key)) yield grant
    for (const [code, grant] of this.#globalGroups) if (inGlobalGroup(code)) yield grant
  }
}

function grantIn(grants: Map<string, Grant>, key: string): Grant {
  let grant = grants.get(key)
  if (grant === undefined) {
    grant = { everything: false, endpoints: [] }
    grants.set(key, grant)
  }
  return grant
}
