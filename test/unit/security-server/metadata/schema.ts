// X-Road's own schema of metadata answers, as a judge.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { hasTool, tool } from '../../../tools.ts'
import { haveVectors, vectorPath } from '../../../vectors.ts'

/** What xmllint has against an answer; '' for nothing, and, said loudly, where it cannot be asked. */
export function schemaFaults(t: TestContext, xml: Uint8Array): string {
  if (!haveVectors() || !hasTool('xmllint')) {
    t.diagnostic('SKIPPED, NOT PROVED: X-Road schema or xmllint is not on this machine')
    return ''
  }
  const directory = mkdtempSync(join(tmpdir(), 'saadik-schema-'))
  try {
    const file = join(directory, 'answer.xml')
    writeFileSync(file, xml)
    const schema = vectorPath('schemas', 'service-metainfo.xsd')
    const { status, stderr } = tool('xmllint', ['--noout', '--nonet', '--schema', schema, file])
    return status === 0 ? '' : stderr
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
