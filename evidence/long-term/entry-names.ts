// Where in a container lies what makes it last. X-Road's reader passes over all of it, and ASiC-E knows the names or leaves them alone.

export const SIGNATURES_ENTRY = 'META-INF/signatures.xml'
/** EN 319 162-1 §A.4 fixes the pattern; one record is enough, since it grows. */
export const RECORD_ENTRY = 'META-INF/evidencerecord.ers'
export const RECORD_MANIFEST_ENTRY = 'META-INF/ASiCEvidenceRecordManifest.xml'
/** In a conforming container: the signature document as the log kept it, and its batch time-stamp (wire-message §8.1 has them elsewhere). */
export const ORIGINAL = {
  signature: 'META-INF/xroad/original.xml',
  token: 'META-INF/xroad/token.der',
  result: 'META-INF/xroad/ts-hashchainresult.xml',
  chain: 'META-INF/xroad/ts-hashchain.xml',
} as const

/** Names that the judges of long-term evidence read and nobody else, in lower case. */
export const LONG_TERM_ENTRIES: ReadonlySet<string> = new Set(
  [RECORD_ENTRY, RECORD_MANIFEST_ENTRY, ...Object.values(ORIGINAL)].map((name) => name.toLowerCase()),
)
