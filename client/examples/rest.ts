// A REST call with types: who lives here? Against the demo: `npm start`, then `node client/examples/rest.ts`.
// In your project: import … from 'saadik/client'; and persons.ts comes from
//   saadik types DEMO/GOV/70000001/population-register/persons -o persons.ts
// biome-ignore-all lint/suspicious/noConsole: an example prints.
import { createClient, exchangeOf, NetworkError, XRoadError } from '../index.ts'
import type { paths } from './persons.ts'

const xroad = createClient({
  securityServer: process.env['SECURITY_SERVER'] ?? 'http://127.0.0.12:8080',
  client: 'DEMO/GOV/70000002/client',
  userId: 'EE38203190108',
})
const persons = xroad.service<paths>('DEMO/GOV/70000001/population-register/persons')

try {
  const found = await persons.get('/persons', { query: { name: 'tamm', birthYear: 1984 }, issue: 'case-2026-17' })
  if (!found.ok) throw new Error(`the register refuses: ${found.error.title}: ${found.error.detail}`)
  for (const { personalCode, givenName, surname, address } of found.data.persons)
    console.log(`${personalCode}  ${givenName} ${surname}, ${address.municipality}`)

  // An answer of the service that is no good one is a value, with the type that its description gives it.
  const nobody = await persons.get('/persons/{personalCode}', { path: { personalCode: '10101010005' } })
  console.log(nobody.ok ? nobody.data.surname : `${nobody.status}: ${nobody.error.detail}`)

  // Everything else is fetch: a photo as a stream of bytes, and the id that auditors find the exchange by.
  const photo = await persons.fetch('/persons/38203190108/photo')
  let bytes = 0
  for await (const chunk of photo.body ?? []) bytes += chunk.byteLength
  console.log(`${photo.headers.get('content-type')}, ${bytes} bytes, exchange ${exchangeOf(photo).id}`)

  // What is not allowed never reaches the service: X-Road refuses, and says whom to ask.
  const embassy = createClient({
    securityServer: process.env['EMBASSY_SERVER'] ?? 'http://127.0.0.13:8080',
    client: 'DEMO/GOV/70000003/embassy',
  })
  await embassy.service<paths>('DEMO/GOV/70000001/population-register/persons').get('/persons')
} catch (error) {
  if (error instanceof XRoadError) console.log(`${error.reason}, says the ${error.side}'s server. ${error.advice}.`)
  else if (error instanceof NetworkError) console.log(error.message)
  else throw error
}
