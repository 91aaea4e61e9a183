// The manifest of a ceremony, from its file: believed when one of the keys that the operator pinned signed it.
import { readFile } from 'node:fs/promises'
import { type Manifest, parseManifest } from '#continuity'
import { noteVerifier, openNote, parseNote, type VerifierKey } from '#transparency'
import { EmbassyError } from './error.ts'

/** @throws {EmbassyError} `unusable_manifest`: nothing is sealed to, and nothing opened with, a key that nobody vouches for */
export async function readManifest(file: string, keys: readonly VerifierKey[], instance: string): Promise<Manifest> {
  try {
    const note = parseNote(await readFile(file))
    openNote(note, keys.map(noteVerifier))
    const manifest = parseManifest(note.text)
    if (manifest.instance !== instance) throw new Error(`it is of the instance ${manifest.instance}`)
    return manifest
  } catch (cause) {
    throw new EmbassyError('unusable_manifest', `${file}: ${(cause as Error).message}`, { cause })
  }
}
