// Where archives are kept. Each kind stores whole files under their names and gives back what it has.

export interface Destination {
  /** For people and for the ledger: a folder, or `s3://BUCKET/PREFIX at HOST`. */
  readonly shown: string
  /**
   * Stores a file; when it resolves it is there whole. One of the same name is replaced, as X-Road does: it has the same digest in its
   * name, so it is the same archive from a run that did not get to its end.
   *
   * @throws {ArchiveError} `destination_failed`, `stopped`
   */
  put(file: LocalFile, signal: AbortSignal): Promise<void>
  /** What is there under a name. Fails at any chunk, as `put` does. */
  read(name: string, signal: AbortSignal): AsyncIterable<Uint8Array>
  close(): Promise<void>
}

export interface LocalFile {
  readonly path: string
  readonly name: string
  readonly bytes: number
  /** SHA-256 in hex. */
  readonly sha256: string
}
