// The reference's XML schemas as a judge of what we write. They refer to each other by the paths of the reference's tree, so they
// are laid out like that in a temporary folder.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { tool } from '../../../tools.ts'
import { vector, vectorPath } from '../../../vectors.ts'

let folder: string | undefined

/** What xmllint has against the document under that schema (`v6/shared-parameters.xsd`); '' for nothing. */
export function schemaFaults(document: Uint8Array, schema: string): string {
  folder ??= layOut()
  const file = join(folder, 'document.xml')
  writeFileSync(file, document)
  const { status, stdout, stderr } = tool('xmllint', [
    '--nonet',
    '--noout',
    '--schema',
    join(folder, 'globalconf', schema),
    file,
  ])
  return status === 0 ? '' : `${stdout}${stderr}`
}

function layOut(): string {
  const made = mkdtempSync(join(tmpdir(), 'saadik-schemas-'))
  process.on('exit', () => rmSync(made, { recursive: true, force: true }))
  for (const name of readdirSync(vectorPath('schemas'), { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.xsd')) continue
    const target = join(made, 'globalconf', name)
    mkdirSync(dirname(target), { recursive: true })
    // Not copied: the vectors are read-only, and so would the copies be.
    writeFileSync(target, vector('schemas', name))
  }
  writeFileSync(join(made, 'identifiers.xsd'), vector('schemas', 'identifiers.xsd'))
  return made
}
