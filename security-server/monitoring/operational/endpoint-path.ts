// A REST path may name a person; what is kept is the pattern that it fits (wire-client §6.1, restPath).
import { compilePattern, decodeServicePath, type EndpointPattern } from '#protocol'

type Matcher = ReturnType<typeof compilePattern>

const compiled = new WeakMap<EndpointPattern, Matcher>()

/**
 * The path of the described endpoint that a request fits, undefined when there is none or the path can be read in two ways.
 * Of several, the one whose path and then method sort last, as the reference chooses: `/pets/first` before `/pets/*`.
 *
 * @param servicePath Raw, as in the request target.
 */
export function endpointPath(
  method: string,
  servicePath: string,
  endpoints: readonly EndpointPattern[],
): string | undefined {
  if (endpoints.length === 0) return undefined
  let path: ReturnType<typeof decodeServicePath>
  try {
    path = decodeServicePath(servicePath)
  } catch {
    return undefined
  }
  let best: EndpointPattern | undefined
  for (const endpoint of endpoints) {
    if ((best === undefined || sortsAfter(endpoint, best)) && matcher(endpoint)(method, path)) best = endpoint
  }
  return best?.path
}

function sortsAfter(a: EndpointPattern, b: EndpointPattern): boolean {
  return a.path > b.path || (a.path === b.path && a.method > b.method)
}

function matcher(endpoint: EndpointPattern): Matcher {
  let found = compiled.get(endpoint)
  if (found === undefined) {
    found = compilePattern(endpoint)
    compiled.set(endpoint, found)
  }
  return found
}
