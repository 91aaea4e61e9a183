// What arrives at the registers of the demo over SOAP.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readRequest, writeAnswer } from '../../demo/soap/envelope.ts'
import { SoapFault } from '../../demo/soap/fault.ts'
import { readXml } from '../../demo/soap/xml.ts'
import { message } from '../unit/demo/soap-endpoint.ts'
import { bears, property } from './campaign.ts'
import { changedXml, mutated, XML_TOKENS } from './mutate.ts'

const QUESTION = message('urn:demo:land-register', 'findProperty', ['cadastralCode', '10001:101:0001'])
const MULTIPART = `--b\r\nContent-Type: text/xml\r\n\r\n${QUESTION}\r\n--b\r\nContent-Type: a/b\r\n\r\nx\r\n--b--`
const RELATED = 'multipart/related; type="text/xml"; boundary=b'

/** The answer to whatever was taken is XML. */
function answered(bytes: Buffer, type: string): boolean {
  const read = bears(() => readRequest(bytes, type), SoapFault)
  if (read === undefined) return false
  assert.equal(readXml(writeAnswer(read.value, { a: read.value.operation })).local, 'Envelope')
  return true
}

property('SOAP messages to a register', 400, changedXml([Buffer.from(QUESTION)], XML_TOKENS), (xml) =>
  answered(Buffer.from(xml), 'text/xml'),
)
property(
  'multiparts to a register',
  400,
  mutated([Buffer.from(MULTIPART)], ['--b', '--b--', '\r\n', '\r\n\r\n', '--', 'Content-Type: text/xml\r\n']),
  (bytes) => answered(Buffer.from(bytes), RELATED),
)
property(
  'Content-Types to a register',
  400,
  fc.oneof(
    fc.string(),
    mutated([Buffer.from(RELATED)], ['"', ';', '=', ' ', '\\', 'boundary=', 'charset=']).map((bytes) =>
      bytes.toString(),
    ),
  ),
  (type) => answered(Buffer.from(MULTIPART), type),
)
