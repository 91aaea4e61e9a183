// A register's SOAP service over HTTP, and messages to it, for the tests of both registers.

import { writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { CUSTOMS, INTERIOR } from '../../../demo/layout.ts'
import { soapMessage } from '../../../demo/soap-call.ts'
import { tool } from '../../tools.ts'

export interface Answer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
  readonly text: string
}

export interface Endpoint {
  readonly url: string
  post(body: string | Buffer, type?: string): Promise<Answer>
  close(): void
}

export async function serve(listener: RequestListener): Promise<Endpoint> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    async post(body, type = 'text/xml') {
      const sent = {
        method: 'POST',
        body: new Blob([new Uint8Array(Buffer.from(body))]),
        headers: { 'Content-Type': type },
      }
      const response = await fetch(`${url}/soap`, sent)
      const bytes = Buffer.from(await response.arrayBuffer())
      return {
        status: response.status,
        type: response.headers.get('content-type') ?? '',
        bytes,
        text: bytes.toString(),
      }
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A message of the customs to a service in `namespace`. */
export function message(namespace: string, operation: string, field: readonly [string, string], id = 'unit'): string {
  const parties = { client: [CUSTOMS, 'client'], provider: [INTERIOR, 'population-register'], namespace } as const
  return soapMessage(parties, operation, field, id)
}

/** What xmllint says of the body's element under the schema that the WSDL has for the namespace; empty when it is valid. */
export async function schemaFaults(wsdl: string, namespace: string, answer: string, folder: string): Promise<string> {
  const [schema = ''] = new RegExp(`<xs:schema targetNamespace="${namespace}">.*?</xs:schema>`, 's').exec(wsdl) ?? []
  const spaces = [
    'xs="http://www.w3.org/2001/XMLSchema"',
    `tns="${namespace}"`,
    'xmime="http://www.w3.org/2005/05/xmlmime"',
  ]
  const xsd = schema.replace('<xs:schema', `<xs:schema ${spaces.map((space) => `xmlns:${space}`).join(' ')}`)
  const body = /<soap:Body>(.*)<\/soap:Body>/s.exec(answer)?.[1] ?? ''
  const [schemaFile, bodyFile] = [join(folder, 'schema.xsd'), join(folder, 'body.xml')]
  await Promise.all([writeFile(schemaFile, xsd), writeFile(bodyFile, body)])
  const { status, stderr } = tool('xmllint', ['--noout', '--schema', schemaFile, bodyFile])
  return status === 0 ? '' : stderr
}
