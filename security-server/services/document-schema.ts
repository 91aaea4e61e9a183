// The shape of server.yaml. What a shape cannot say (identifiers, references, addresses) is judged in document.ts.
import { z } from 'zod'

/** As the reference stores it (wire-client §5.7). */
export const MAX_URL = 255
const text = z.string().trim().min(1).max(255)
const pem = z.string().max(64 * 1024)
const url = z.string().max(MAX_URL)

const right = z.strictObject({
  /** A subsystem: `DEMO/GOV/70000002/client`. */
  subject: z.string().optional(),
  globalGroup: text.optional(),
  localGroup: text.optional(),
  /** `GET /persons/*`; absent: the whole service. */
  endpoints: z.array(z.string().max(1100)).min(1).max(1000).optional(),
})

/** 0: no limit (wire-client §5.7). */
const timeoutSeconds = z.number().int().min(0).max(1000)
const tls = z.enum(['pinned', 'system'])

/** Where in a request a person's code stands; one of these (docs/auditors.md, "Data tracker"). */
const personPlace = z.strictObject({
  /** `GET /persons/{person}` or `/persons/{person}/**`: of the path behind the service code. */
  path: z.string().max(1100).optional(),
  /** Name of a query parameter. */
  query: text.optional(),
  /** JSON pointer into a JSON body; `*` stands for every element of an array. */
  json: z.string().max(1100).optional(),
  /** Local names of elements within that of the SOAP body: `person/code`. */
  xml: z.string().max(1100).optional(),
})

const tracker = z.strictObject({
  person: z.array(personPlace).min(1).max(50),
  /** What a code looks like: a regular expression, whose first group is the code if it has one. */
  code: z.string().max(500).optional(),
  /** Headers that may have the legal basis; the first that is there counts. `X-Road-Issue` is SOAP's `issue` too. */
  basis: z.array(text).min(1).max(20).default(['Saadik-Legal-Basis', 'X-Road-Issue']),
  /** Whether the person is told who sat before the information system. */
  showUser: z.boolean().default(false),
  /** Uses that the law keeps secret: of such a client, for such a reason. */
  secret: z
    .array(z.strictObject({ client: z.string().optional(), basis: text.optional() }))
    .max(1000)
    .default([]),
})

/** What is different for one operation of a WSDL. */
const operation = z.strictObject({
  code: text,
  /** Absent: every version. */
  version: text.optional(),
  url: url.optional(),
  timeoutSeconds: timeoutSeconds.optional(),
  tls: tls.optional(),
  tracker: tracker.optional(),
  /** Besides the rights to the whole description. */
  access: z.array(right).max(10_000).default([]),
})

const service = z.strictObject({
  /** Not with `wsdl`, which has the codes. */
  code: text.optional(),
  /** Address of an OpenAPI 3 description: endpoints come from it, the base address too unless `url` is given. */
  openapi: url.optional(),
  /** Address of a WSDL 1.1 description: each operation is a service, at its `soap:address` unless `url` is given. */
  wsdl: url.optional(),
  /** With `wsdl` only. */
  operations: z.array(operation).max(1000).optional(),
  /** Base address of the service; with `wsdl` the address of every operation. */
  url: url.optional(),
  timeoutSeconds: timeoutSeconds.default(60),
  /** https only: the client's `tlsCertificates` (default), or the authorities that the system trusts. */
  tls: tls.optional(),
  disabled: z.strictObject({ notice: z.string().trim().min(1).max(1000) }).optional(),
  /** Whom its requests are about; with `wsdl` those of every operation. */
  tracker: tracker.optional(),
  access: z.array(right).max(10_000).default([]),
})

const client = z.strictObject({
  id: z.string(),
  connection: z.enum(['HTTP', 'HTTPS', 'HTTPS NOAUTH']).default('HTTPS'),
  /** PEM, or base64 of DER. */
  tlsCertificates: z.array(pem).max(100).default([]),
  localGroups: z
    .array(
      z.strictObject({
        code: text,
        description: z.string().trim().max(255).default(''),
        members: z.array(z.string()).max(10_000).default([]),
      }),
    )
    .max(1000)
    .default([]),
  services: z.array(service).max(1000).default([]),
  /** Answers persons who asked what about them: to whom, on their behalf. */
  tracker: z.strictObject({ access: z.array(right).max(10_000).default([]) }).optional(),
})

export const documentSchema = z.strictObject({ clients: z.array(client).max(1000) })

export type ServiceInput = z.infer<typeof service>
export type ClientInput = z.infer<typeof client>
export type RightInput = z.infer<typeof right>
export type OperationInput = z.infer<typeof operation>
export type TrackerInput = z.infer<typeof tracker>
