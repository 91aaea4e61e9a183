// `x-proxy-version`: a provider may refuse consumers below a minimum (wire-message §2.1).

const SEMANTIC =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/
const MAX_LENGTH = 255

/**
 * Whether a version is semantic and not below the minimum (SemVer 2.0.0 §11). Missing and unparsable versions are not; a
 * pre-release such as `7.6.0-x` is below `7.6.0`.
 */
export function supportsVersion(version: string | undefined, minimum: string): boolean {
  const wanted = parse(minimum)
  if (wanted === undefined) throw new TypeError(`'${minimum}' is not a semantic version`)
  const actual = version === undefined ? undefined : parse(version)
  return actual !== undefined && compare(actual, wanted) >= 0
}

interface Version {
  readonly numbers: readonly number[]
  readonly preRelease: readonly string[]
}

function parse(text: string): Version | undefined {
  if (text.length > MAX_LENGTH) return undefined
  const match = SEMANTIC.exec(text)
  if (match === null) return undefined
  const [, major, minor, patch, preRelease] = match
  const identifiers = preRelease?.split('.') ?? []
  if (identifiers.some((identifier) => /^0\d+$/.test(identifier))) return undefined
  return { numbers: [Number(major), Number(minor), Number(patch)], preRelease: identifiers }
}

function compare(a: Version, b: Version): number {
  for (const [index, number] of a.numbers.entries()) {
    const difference = number - (b.numbers[index] ?? 0)
    if (difference !== 0) return difference
  }
  // A release is above its pre-releases.
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length
  for (const [index, identifier] of a.preRelease.entries()) {
    const other = b.preRelease[index]
    if (other === undefined) return 1
    const difference = compareIdentifiers(identifier, other)
    if (difference !== 0) return difference
  }
  return a.preRelease.length - b.preRelease.length
}

/** Numbers by value and below words; words by ASCII order. */
function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (left && right) return a.length - b.length || (a < b ? -1 : Number(a > b))
  if (left !== right) return left ? -1 : 1
  return a < b ? -1 : Number(a > b)
}
