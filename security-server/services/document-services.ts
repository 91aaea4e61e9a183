// The services of a client as server.yaml writes them: a base path, an OpenAPI description, or a WSDL with many.
import {
  checkAddress,
  checkCode,
  type DescriptionTrust,
  descriptionTrust,
  type ServiceContext,
  tlsOf,
} from './document-checks.ts'
import { readRights } from './document-rights.ts'
import type { ServiceInput } from './document-schema.ts'
import { readTracker } from './document-tracker.ts'
import { readWsdlServices } from './document-wsdl.ts'
import type { ServiceEntry } from './model.ts'
import { type Description, readDescription } from './openapi.ts'

/**
 * All services, in the order of the document. Descriptions are fetched side by side: ten services of a dead host cost one time-out.
 *
 * @param context Its path is that of the list.
 */
export async function readServices(inputs: readonly ServiceInput[], context: ServiceContext): Promise<ServiceEntry[]> {
  const { path, faults } = context
  const codes = inputs.map(({ code }) => code)
  faults.refuseTwice(codes, (index) => `${path}[${index}].code`)
  const read = await Promise.all(
    inputs.map((input, index) => {
      const inside = { ...context, path: `${path}[${index}]` }
      return input.wsdl === undefined ? readRest(input, inside) : readWsdlServices(input, input.wsdl, inside)
    }),
  )
  const taken = new Set(codes)
  for (const [index, entries] of read.entries()) {
    for (const { type, code, version } of entries) {
      if (type !== 'WSDL') continue
      const name = `${code}/${version ?? ''}`
      // Rights go by the code alone: what REST and SOAP shared would share its rights too.
      if (taken.has(code) || taken.has(name)) faults.add(`${path}[${index}].wsdl`, `${code} is offered twice`)
      taken.add(name)
    }
  }
  return read.flat()
}

async function readRest(input: ServiceInput, context: ServiceContext): Promise<ServiceEntry[]> {
  const { path, faults } = context
  const { code, openapi } = input
  if (code === undefined) faults.add(`${path}.code`, 'needed unless there is a wsdl')
  else checkCode(code, `${path}.code`, faults)
  if (input.operations !== undefined) faults.add(`${path}.operations`, 'is for a wsdl')
  const rights = input.access.flatMap((entry, index) => readRights(entry, `${path}.access[${index}]`, context))
  const description =
    openapi === undefined ? undefined : await fetchOpenApi(openapi, descriptionTrust(input, context), context)
  const tracker = readTracker(input.tracker, `${path}.tracker`, false, context)
  const base = input.url ?? description?.url
  if (base === undefined) {
    if (openapi === undefined) faults.add(path, 'needs url, openapi or wsdl')
    return []
  }
  const where = input.url === undefined ? `${path}.openapi` : `${path}.url`
  const address = faults.attempt(where, () => checkAddress(base, 'base'))
  if (address === undefined || code === undefined) return []
  return [
    {
      code,
      type: openapi === undefined ? 'REST' : 'OPENAPI3',
      url: base,
      timeoutSeconds: input.timeoutSeconds,
      tls: tlsOf(input.tls, address, `${path}.tls`, context),
      endpoints: description?.endpoints ?? [],
      rights,
      ...(openapi === undefined ? {} : { description: openapi }),
      ...(input.disabled === undefined ? {} : { notice: input.disabled.notice }),
      ...(tracker && { tracker }),
    },
  ]
}

async function fetchOpenApi(
  address: string,
  trust: DescriptionTrust,
  { path, faults, fetchText }: ServiceContext,
): Promise<Description | undefined> {
  if (faults.attempt(`${path}.openapi`, () => checkAddress(address, 'whole')) === undefined) return undefined
  try {
    return await readDescription(await fetchText(address, trust), address)
  } catch (error) {
    faults.add(`${path}.openapi`, (error as Error).message)
    return undefined
  }
}
