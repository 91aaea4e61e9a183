// Paths and queries: nothing of what a caller puts into them can become another path.

/** What RFC 3986 lets stand in a path or a query; everything else is escaped, escapes stay. */
const OUTSIDE = /[^A-Za-z0-9\-._~!$&'()*+,;=:@/?%]/gu

/** A path and query behind the service, as it goes out. */
export function rawTarget(path: string): string {
  if (path !== '' && !path.startsWith('/') && !path.startsWith('?'))
    throw new TypeError(`the path '${path}' must be empty or begin with / or ?`)
  if (path.includes('#')) throw new TypeError(`the path '${path}' has a fragment; write a # as %23`)
  if (/%(?![0-9A-Fa-f]{2})/.test(path))
    throw new TypeError(`the path '${path}' has a % that escapes nothing; write it as %25`)
  return path.toWellFormed().replace(OUTSIDE, encodeURIComponent)
}

/** Puts values into `/persons/{personalCode}`, each into one segment. */
export function fillPath(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    const text = value === undefined || value === null ? '' : String(value)
    if (text === '' || text === '.' || text === '..')
      throw new TypeError(`path '${template}': '${text}' cannot stand for {${name}}; give it in 'path'`)
    return encodeURIComponent(text)
  })
}

/** `?name=tamm&tag=a&tag=b`; undefined is left out, arrays repeat the name (OpenAPI's default form). */
export function queryOf(values: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((each) => each !== undefined && each !== null)
      .map((each) => `${encodeURIComponent(name)}=${encodeURIComponent(String(each))}`),
  )
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
