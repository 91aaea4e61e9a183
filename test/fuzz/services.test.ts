// What an operator imports: server.yaml as a document, and descriptions of services in OpenAPI and WSDL, from wherever he found them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { loadConfig } from '#host'
import { compilePattern } from '#protocol'
import { ConfigError } from '../../host/error.ts'
import { readDocument } from '../../security-server/services/document.ts'
import { ServicesError } from '../../security-server/services/error.ts'
import { readDescription } from '../../security-server/services/openapi.ts'
import { readWsdl } from '../../security-server/services/wsdl.ts'
import { LAND_WSDL } from '../unit/security-server/services/land-wsdl.ts'
import { bears, bearsAsync, property } from './campaign.ts'
import { byLine, changedXml, mutated, shuffled, XML_TOKENS } from './mutate.ts'

const SOURCE = 'http://host.example/openapi.yaml'
const YAML = `openapi: "3.0.3"
info: {title: t, version: "1"}
servers:
  - url: https://{host}/v1
    variables: {host: {default: api.example}}
paths:
  /persons/{code}:
    get: &get {responses: {}}
    put: *get
  /star*/{a}{b}:
    delete: {}
  "/caf%C3%A9": {patch: {}}
`
const JSON_TEXT = JSON.stringify(
  { openapi: '3.1.0', servers: [{ url: '/v2' }], paths: { '/a/{b}': { get: {} }, 'x-y': 1 } },
  null,
  1,
)
const TOKENS = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ':',
    ': ',
    '- ',
    '&a ',
    '*a',
    '<<: *get\n',
    '!!js/function ',
    '!!binary ',
    '|\n',
    '>-\n',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '#',
    '"',
    "'",
    '\\u0000',
    '\\',
    '? ',
    '\t',
    '\u0000',
  ],
  ...[
    '{code}',
    '{',
    '}}',
    '%',
    '%2F',
    '%FF',
    '**',
    '\\*',
    '/',
    '//',
    '..',
    '__proto__',
    'constructor',
    '"__proto__": {}',
    '$ref: "#/x"\n',
    '3.0',
    '2.0',
    'null',
    '~',
    '1e999',
    '.inf',
    '.nan',
    '0x10',
    'true',
  ],
  ...[
    'a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b]\n',
    'a: &a [*a]\n',
    '['.repeat(300),
    '{"a":'.repeat(300),
  ],
]
const descriptions = fc.oneof(
  mutated(
    [YAML, JSON_TEXT].map((text) => Buffer.from(text)),
    TOKENS,
  ).map((bytes) => bytes.toString()),
  shuffled([YAML, JSON_TEXT], byLine, TOKENS),
)
property('OpenAPI descriptions', { short: 120, long: 5_000 }, descriptions, async (text) => {
  const read = await bearsAsync(async () => await readDescription(text, SOURCE), ServicesError)
  if (read === undefined) return false
  assert.ok(URL.canParse(read.value.url))
  for (const endpoint of read.value.endpoints) compilePattern(endpoint)
  return true
})

const SERVER = { instance: 'DEMO', memberClass: 'GOV', memberCode: '1', serverCode: 's' }
const word = fc.oneof(
  fc.string({ maxLength: 12 }),
  fc.constantFrom(
    'DEMO/GOV/1/a',
    'DEMO/GOV/1',
    'X/Y/Z/w',
    'GET /a/*',
    '* **',
    'http://a.example/',
    'https://a.example',
    'http://a?b#c',
    'file:///',
    'HTTP',
    '__proto__',
    'listMethods',
    'g',
    '%2F',
    'é',
  ),
)
const value = fc.oneof(word, fc.integer(), fc.boolean(), fc.constant(null), fc.array(word, { maxLength: 2 }))
/** Nearly the right shape, with any value in any place. */
const document = fc.record(
  {
    clients: fc.oneof(
      {
        weight: 9,
        arbitrary: fc.array(
          fc.record(
            {
              id: fc.oneof(fc.constantFrom('DEMO/GOV/1/a', 'DEMO/GOV/1/b'), value),
              connection: fc.oneof(fc.constantFrom('HTTP', 'HTTPS'), value),
              tlsCertificates: fc.array(
                fc.oneof(word, fc.constantFrom('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', 'AAAA')),
                { maxLength: 2 },
              ),
              localGroups: fc.array(
                fc.record(
                  { code: word, description: word, members: fc.array(word, { maxLength: 3 }) },
                  { requiredKeys: ['code'] },
                ),
                { maxLength: 2 },
              ),
              services: fc.array(
                fc.record(
                  {
                    code: word,
                    url: fc.oneof(fc.constant('http://a.example'), value),
                    openapi: fc.oneof(fc.constant('http://a.example/o'), value),
                    timeoutSeconds: value,
                    access: fc.array(
                      fc.record(
                        { subject: word, localGroup: word, endpoints: fc.array(word, { maxLength: 2 }) },
                        { requiredKeys: [] },
                      ),
                      { maxLength: 2 },
                    ),
                    odd: value,
                  },
                  { requiredKeys: ['code', 'url'] },
                ),
                { maxLength: 3 },
              ),
            },
            { requiredKeys: ['id'] },
          ),
          { maxLength: 3 },
        ),
      },
      value,
    ),
  },
  { requiredKeys: ['clients'] },
)
property(
  'documents of clients and services',
  400,
  fc.oneof({ weight: 9, arbitrary: document }, fc.anything()),
  async (input) =>
    (await bearsAsync(async () => await readDocument(input, SERVER, async () => YAML), ServicesError)) !== undefined,
)

const folder = mkdtempSync(join(tmpdir(), 'saadik-fuzz-'))
after(() => rmSync(folder, { recursive: true }))
const CONFIG = 'listen:\n  host: 127.0.0.1\n  port: 8080\nnames: [a, "b"]\nnested: {a: {b: c}}\n'
const schema = z.strictObject({
  listen: z.strictObject({ host: z.string(), port: z.number() }),
  names: z.array(z.string()),
  nested: z.unknown(),
})
property(
  'configuration files',
  { short: 60, long: 3_000 },
  fc.oneof(
    mutated([Buffer.from(CONFIG)], TOKENS),
    shuffled([CONFIG], byLine, TOKENS).map((text) => Buffer.from(text)),
  ),
  (bytes) => {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, bytes)
    return bears(() => loadConfig(file, schema), ConfigError) !== undefined
  },
)

const PARTS = [
  '<w:port name="p" binding="tns:land1">',
  '<w:operation name="x"/>',
  ' name=""',
  ' binding="x"',
  '<w:binding name="land1" type="tns:land">',
  '<xroad:version>v1</xroad:version>',
  '<soap:address/>',
  ...XML_TOKENS,
]
property('WSDL descriptions', 400, changedXml([Buffer.from(LAND_WSDL)], PARTS), (xml) => {
  const read = bears(() => readWsdl(xml.toString()), ServicesError)
  for (const { code, version } of read?.value ?? []) assert.ok(code !== '' && version !== '')
  return read !== undefined
})
