// A register's WSDL, with the address that the register has: the file itself names none.
import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'

const PLACEHOLDER = 'http://register.invalid/soap'

/** Answers with the file, `soap:address` being where the question arrived. */
export async function sendWsdl(file: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { localAddress, localPort } = request.socket
  const text = await readFile(file, 'utf8')
  const body = Buffer.from(text.replace(PLACEHOLDER, `http://${localAddress}:${localPort}/soap`))
  response.writeHead(200, { 'Content-Type': 'text/xml; charset=UTF-8', 'Content-Length': body.length })
  response.end(body)
}
