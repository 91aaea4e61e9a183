// Who is there, what do they offer, what may I call, how is it described? Against the demo: `npm start`, then `node client/examples/listing.ts`.
// In your project: import … from 'saadik/client'.
// biome-ignore-all lint/suspicious/noConsole: an example prints.
import { createClient, NetworkError, XRoadError } from '../index.ts'

const xroad = createClient({
  securityServer: process.env['SECURITY_SERVER'] ?? 'http://127.0.0.12:8080',
  client: 'DEMO/GOV/70000002/client',
})

try {
  for (const { id, name, subsystemName } of await xroad.listClients()) {
    if (id.subsystemCode === undefined) {
      console.log(name)
      continue
    }
    console.log(`  ${subsystemName ?? id.subsystemCode}`)
    for (const service of await offered(id)) console.log(`    ${service}`)
  }
  const { mediaType, text } = await xroad.getOpenAPI('DEMO/GOV/70000001/population-register/persons')
  console.log(`\n${mediaType}, ${text.length} characters: saadik types makes TypeScript of it`)
} catch (error) {
  if (error instanceof XRoadError || error instanceof NetworkError) console.log(error.message)
  else throw error
}

/** What a subsystem offers, and whether we may call it; a subsystem that is on no security server offers nothing. */
async function offered(provider: Parameters<typeof xroad.listMethods>[0]): Promise<string[]> {
  try {
    const kinds = [{ protocol: 'rest' }, { protocol: 'soap' }] as const
    const lines: string[] = []
    for (const kind of kinds) {
      const allowed = new Set((await xroad.allowedMethods(provider, kind)).map(({ id }) => id.serviceCode))
      for (const { id, type } of await xroad.listMethods(provider, kind))
        lines.push(`${type} ${id.serviceCode}${allowed.has(id.serviceCode) ? '  (allowed)' : ''}`)
    }
    return lines
  } catch (error) {
    if (error instanceof XRoadError) return [`(${error.reason})`]
    throw error
  }
}
