// Which other instances an owner lets in (wire-conf §7). Own instance always; nobody else unless told so.

export type AllowedFederations = 'none' | 'all' | readonly string[]

/** As X-Road reads it: names in any case; `none` in a list beats everything, `all` beats names. */
export function federationFilter(allowed: AllowedFederations): (instance: string) => boolean {
  const words = (typeof allowed === 'string' ? [allowed] : allowed).map((word) => word.trim().toLowerCase())
  if (words.includes('none')) return () => false
  if (words.includes('all')) return () => true
  return (instance) => words.includes(instance.toLowerCase())
}
