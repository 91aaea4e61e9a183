// The answer for programs: one JSON document that is written while the files are judged. docs/verification.md has its schema.
import { once } from 'node:events'
import type { Writable } from 'node:stream'
import type { ArchiveLinks, ContainerReport, FileReport } from '#verification'
import type { Totals } from './totals.ts'

/** Changes only with the shape; a new key is no change of shape. */
export const SCHEMA = 'saadik-verification-1'

/** Every key is always there. */
export function containerRow(file: string, report: ContainerReport): object {
  const { entry, verdict, indication, subIndication, signer, signerName, signedAt, certificate, ocsp } = report
  const { timestamp, message, provenDigests, proof, opinions, lasting, believed, checks } = report
  return {
    file,
    entry,
    kind: 'container',
    verdict,
    indication,
    subIndication: subIndication ?? null,
    signer: signer ?? null,
    signerName: signerName ?? null,
    signedAt: signedAt ?? null,
    certificate: certificate ?? null,
    ocsp: ocsp ?? null,
    timestamp: timestamp ?? null,
    message: message ?? null,
    provenDigests: provenDigests ?? [],
    proof: proof ?? null,
    opinions: opinions ?? [],
    lasting: lasting ?? null,
    believed: believed ?? [],
    checks,
  }
}

export function fileRow(file: string, report: FileReport): object {
  const { kind, verdict, containers, archive, checks } = report
  return { file, entry: null, kind, verdict, containers, archive: archive ?? null, checks }
}

/** Writes what it is given at once; waits for a reader who is slower than we are. */
export class RowWriter {
  readonly #out: Writable
  #rows = 0

  constructor(out: Writable) {
    this.#out = out
  }

  async row(row: object): Promise<void> {
    const head = this.#rows === 0 ? `{\n"schema": ${JSON.stringify(SCHEMA)},\n"files": [\n` : ',\n'
    this.#rows += 1
    await this.#write(head + JSON.stringify(row))
  }

  async end(links: ArchiveLinks, totals: Totals): Promise<void> {
    const head = this.#rows === 0 ? `{\n"schema": ${JSON.stringify(SCHEMA)},\n"files": [\n` : ''
    await this.#write(
      `${head}\n],\n"archives": ${JSON.stringify(links.runs)},\n"links": ${JSON.stringify(links.checks)},\n"totals": ${JSON.stringify(totals)}\n}\n`,
    )
  }

  async #write(text: string): Promise<void> {
    if (!this.#out.write(text)) await once(this.#out, 'drain')
  }
}
