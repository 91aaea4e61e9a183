// `saadik anchor …`: the file that says where the configuration of an instance comes from and who signs it.
import { controlPaths, SOURCES } from '#central-server/contract'
import { parseAnchor } from '#protocol'
import { digest } from '#trust'
import type { Run } from './command.ts'
import { CliError } from './error.ts'
import { readInput, writeOutput } from './files.ts'
import { facts } from './output.ts'
import { controlOf, targetOf } from './targets.ts'

export const exportAnchor: Run = async (given, out) => {
  const source = given.text('source') ?? 'internal'
  if (!SOURCES.some((known) => known === source)) throw new CliError('usage', '--source is internal or external')
  const target = targetOf(given, ['central-server'], 'central-server')
  const xml = await controlOf(target).get<string>(`${controlPaths.anchor}?source=${source}`)
  await writeOutput(given.text('output'), xml, out)
  out.note(`its hash, to be compared by another way: ${anchorHash(Buffer.from(xml))}`)
  return 0
}

export const showAnchor: Run = async (given, out) => {
  const [file = ''] = given.positionals
  const bytes = await readInput(file)
  const anchor = parseAnchor(bytes)
  const hash = anchorHash(bytes)
  if (given.on('json')) {
    out.json({
      instance: anchor.instance,
      generatedAt: anchor.generatedAt?.toISOString() ?? null,
      hash,
      sources: anchor.sources.map(({ url, certificates }) => ({
        url,
        certificates: certificates.map(({ subject, sha256, notAfter }) => ({
          subject: subject.text,
          sha256,
          notAfter: notAfter.toISOString(),
        })),
      })),
    })
    return 0
  }
  out.line(`anchor of ${anchor.instance}`)
  for (const line of facts([
    ['generated', anchor.generatedAt?.toISOString()],
    ['hash', hash],
  ]))
    out.line(line)
  for (const { url, certificates } of anchor.sources) {
    out.line(`  source ${url}`)
    for (const { subject, sha256, notAfter } of certificates)
      out.line(`    ${subject.text}, SHA-256 ${sha256}, until ${notAfter.toISOString().slice(0, 10)}`)
  }
  return 0
}

/** SHA-224 in upper-case pairs, as X-Road's servers show it to administrators (UG-SS §3.1). */
function anchorHash(bytes: Uint8Array): string {
  return Buffer.from(digest('SHA-224', bytes))
    .toString('hex')
    .toUpperCase()
    .replace(/..(?!$)/g, '$&:')
}
