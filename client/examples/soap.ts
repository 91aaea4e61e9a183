// A SOAP call with an attachment each way. Against the demo: `npm start`, then `node client/examples/soap.ts`.
// In your project: import … from 'saadik/client'.
// biome-ignore-all lint/suspicious/noConsole: an example prints.
import { createClient, NetworkError, ServiceFault, XRoadError } from '../index.ts'

const xroad = createClient({
  securityServer: process.env['SECURITY_SERVER'] ?? 'http://127.0.0.12:8080',
  client: 'DEMO/GOV/70000002/client',
  userId: 'EE38203190108',
})
const service = process.env['SOAP_SERVICE'] ?? 'DEMO/GOV/70000001/population-register/getPhoto/v1'
const name = service.split('/')[4] ?? ''

try {
  const answer = await xroad.soap(service).call<{ personalCode?: string }>({
    body: { [`r:${name}`]: { '@xmlns:r': 'urn:demo:population-register', personalCode: '38203190108' } },
    attachments: [{ id: 'reason', type: 'text/plain', content: 'Why we ask, at length.' }],
    issue: 'case-2026-17',
  })
  console.log(answer.value, `exchange ${answer.header.id}`)
  for await (const attachment of answer.attachments) {
    const bytes = await attachment.arrayBuffer()
    console.log(`${attachment.id}: ${attachment.headers.get('content-type')}, ${bytes.byteLength} bytes`)
  }
} catch (error) {
  if (error instanceof ServiceFault) console.log(`the service refuses: ${error.code}: ${error.text}`)
  else if (error instanceof XRoadError)
    console.log(`${error.reason}, says the ${error.side}'s server. ${error.advice}.`)
  else if (error instanceof NetworkError) console.log(error.message)
  else throw error
}
