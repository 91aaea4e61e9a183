// What an S3-compatible store says in XML: a few texts by the names of their elements, wherever they stand.
import { descendants, readXml, textOf, type XmlElement } from '#protocol'

/** Of a document that a store answers with. */
const MAX_BYTES = 4 * 1024 * 1024

export interface S3Document {
  first(element: string): string | undefined
  all(element: string): readonly string[]
}

/** Reads an answer to its end. What is no XML has no elements: proxies answer with pages of their own. */
export async function readDocument(body: AsyncIterable<Uint8Array>): Promise<S3Document> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > MAX_BYTES) throw new Error(`an answer of more than ${MAX_BYTES} bytes`)
    pieces.push(piece)
  }
  let root: XmlElement | undefined
  try {
    root = size === 0 ? undefined : readXml(Buffer.concat(pieces))
  } catch {
    root = undefined
  }
  const elements = root === undefined ? [] : [...descendants(root)]
  const all = (element: string) => elements.filter(({ local }) => local === element).map(textOf)
  return { all, first: (element) => all(element)[0] }
}
