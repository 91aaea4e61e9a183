// xml-crypto as a second opinion: another parser, another canonicalisation, another reading of the references. It is an optional package,
// loaded when somebody asks. What it cannot do is said, and is no opinion: ECDSA, SHA-384, and documents with prefixes in upper case, which
// it sorts wrongly (docs/decisions/0019-verification.md).
import type { Examined, Opinion } from '#evidence'
import { type DigestName, decodeBase64, digest, equalBytes } from '#trust'
import type { OpinionSession, SecondOpinion } from './opinions.ts'

const NAME = 'xml-crypto'
const HASHES: Readonly<Record<string, DigestName>> = {
  'http://www.w3.org/2001/04/xmlenc#sha256': 'SHA-256',
  'http://www.w3.org/2001/04/xmlenc#sha512': 'SHA-512',
}
const SIGNATURES = new Set([
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
])

type SignedXml = InstanceType<typeof import('xml-crypto').SignedXml>

interface Reference {
  readonly uri?: string
  readonly digestValue?: unknown
  readonly digestAlgorithm: string
}

/** Looks for every reference inside the document; those outside are compared by this method of its own, overridden. */
interface Overridden {
  validateReference(reference: Reference, document: unknown): string | undefined
}

/** Undefined where the package is not installed. */
export async function xmlCryptoOpinion(): Promise<SecondOpinion | undefined> {
  let library: typeof import('xml-crypto')
  try {
    library = await import('xml-crypto')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw error
  }
  const session: OpinionSession = {
    judge: async (examined) => judge(library, examined),
    close: async () => undefined,
  }
  return { open: () => session }
}

function judge({ SignedXml }: typeof import('xml-crypto'), { container }: Examined): Opinion {
  const xml = Buffer.from(container?.signature ?? []).toString('utf8')
  const cannot = reasonNot(xml)
  if (container === undefined || cannot !== undefined)
    return { by: NAME, says: 'nothing', detail: cannot ?? 'there is no container' }
  try {
    // The key is the one that its own reading of KeyInfo finds.
    const verifier: SignedXml = new SignedXml({ getCertFromKeyInfo: SignedXml.getCertFromKeyInfo })
    const inner = verifier as unknown as Overridden
    const usual = inner.validateReference.bind(inner)
    inner.validateReference = (reference, document) =>
      reference.uri?.startsWith('#') ? usual(reference, document) : compare(reference, container)
    verifier.loadSignature(signatureIn(xml))
    if (verifier.checkSignature(xml)) return { by: NAME, says: 'valid' }
    return { by: NAME, says: 'invalid', detail: 'a reference does not match' }
  } catch (error) {
    return { by: NAME, says: 'invalid', detail: reason(error) }
  }
}

/** What it says by itself for algorithms that it has not is an error like any other, so this is looked at before. */
function reasonNot(xml: string): string | undefined {
  const algorithms = [...xml.matchAll(/SignatureMethod\b[^>]*\bAlgorithm="([^"]*)"/g)].map(([, uri = '']) => uri)
  const odd = algorithms.find((uri) => !SIGNATURES.has(uri))
  if (odd !== undefined) return `it does not verify ${odd.replace(/^.*#/, '')}`
  const info = /<(?:\w+:)?SignedInfo\b.*?<\/(?:\w+:)?SignedInfo>/s.exec(xml)?.[0] ?? ''
  const hashes = [...info.matchAll(/DigestMethod\b[^>]*\bAlgorithm="([^"]*)"/g)].map(([, uri = '']) => uri)
  const hash = hashes.find((uri) => !Object.hasOwn(HASHES, uri))
  if (hash !== undefined) return `it does not make ${hash.replace(/^.*#/, '')}`
  if (/\sxmlns:[^=]*[^a-z0-9=]/.test(xml)) return 'it sorts such namespace prefixes wrongly'
  return undefined
}

/** Inside X-Road's wrapper, or the root itself; namespaces that the wrapper declares are looked up in the whole document. */
function signatureIn(xml: string): string {
  const begin = /<(?:\w+:)?Signature\b/.exec(xml)?.index ?? 0
  const end = [...xml.matchAll(/<\/(?:\w+:)?Signature\s*>/g)].at(-1)
  return xml.slice(begin, end === undefined ? xml.length : end.index + end[0].length)
}

function compare(
  { uri = '', digestAlgorithm, digestValue }: Reference,
  { message, chainResult, attachments }: NonNullable<Examined['container']>,
): string | undefined {
  const name = HASHES[digestAlgorithm]
  const bytes = uri === '/message.xml' ? message : uri === '/sig-hashchainresult.xml' ? chainResult : undefined
  if (name === undefined) return undefined
  const found = bytes === undefined ? attachments.get(uri.slice(1))?.digests.get(name) : digest(name, bytes)
  const stated = decodeBase64(String(digestValue), { whitespace: true })
  return found !== undefined && stated !== undefined && equalBytes(found, stated) ? uri : undefined
}

function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 200) ?? ''
}
