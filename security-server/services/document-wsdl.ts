// A WSDL as server.yaml writes it: every operation becomes a service, with what the document says of all of them or of one.
import {
  checkAddress,
  checkCode,
  checkName,
  type DescriptionTrust,
  descriptionTrust,
  type ServiceContext,
  tlsOf,
} from './document-checks.ts'
import { readRights } from './document-rights.ts'
import type { OperationInput, RightInput, ServiceInput } from './document-schema.ts'
import { readTracker } from './document-tracker.ts'
import type { AccessRight, ServiceEntry } from './model.ts'
import { readWsdl, type WsdlOperation } from './wsdl.ts'

/** Fetches and reads the description, and joins it with the document. Faults go to `context`; what has none is returned. */
export async function readWsdlServices(
  input: ServiceInput,
  description: string,
  context: ServiceContext,
): Promise<ServiceEntry[]> {
  const { path, faults } = context
  for (const key of ['code', 'openapi'] as const)
    if (input[key] !== undefined) faults.add(`${path}.${key}`, 'does not go with wsdl')
  const wanted = input.operations ?? []
  faults.refuseTwice(
    wanted.map(({ code, version }) => (version === undefined ? code : `${code}/${version}`)),
    (index) => `${path}.operations[${index}]`,
  )
  const toAll = soapRights(input.access, `${path}.access`, context)
  const byCode = rightsByCode(wanted, context)
  const offered = await fetchWsdl(description, descriptionTrust(input, context), context)
  if (offered === undefined) return []
  for (const [index, { code, version }] of wanted.entries()) {
    if (!offered.some((operation) => operation.code === code && (version ?? operation.version) === operation.version))
      faults.add(`${path}.operations[${index}]`, `the WSDL has no operation ${code}${version ? `/${version}` : ''}`)
  }
  return offered.flatMap((operation) => {
    const entry = serviceOf(operation, input, context)
    return entry === undefined
      ? []
      : [{ ...entry, description, rights: [...toAll, ...(byCode.get(operation.code) ?? [])] }]
  })
}

/** Rights go by code: one that names a version would look as if it knew versions (wire-client §5.1). */
function rightsByCode(
  wanted: readonly OperationInput[],
  context: ServiceContext,
): ReadonlyMap<string, readonly AccessRight[]> {
  const byCode = new Map<string, readonly AccessRight[]>()
  for (const [index, { code, version, access }] of wanted.entries()) {
    const path = `${context.path}.operations[${index}].access`
    if (version === undefined) byCode.set(code, soapRights(access, path, context))
    else if (access.length > 0) context.faults.add(path, 'is for all versions; say it without one')
  }
  return byCode
}

function soapRights(access: readonly RightInput[], path: string, context: ServiceContext): AccessRight[] {
  return access.flatMap((entry, index) => {
    if (entry.endpoints !== undefined) context.faults.add(`${path}[${index}].endpoints`, 'is for REST services')
    return readRights(entry, `${path}[${index}]`, context)
  })
}

function serviceOf(
  { code, version, title, url: written }: WsdlOperation,
  input: ServiceInput,
  context: ServiceContext,
): Omit<ServiceEntry, 'rights' | 'description'> | undefined {
  const { path, faults } = context
  const wanted = input.operations ?? []
  const general = wanted.findIndex((each) => each.code === code && each.version === undefined)
  const exact = version === undefined ? -1 : wanted.findIndex((each) => each.code === code && each.version === version)
  /** Where a key stands that counts for this operation, from the most special place to the most general. */
  const place = (key: 'url' | 'timeoutSeconds' | 'tls' | 'tracker') =>
    [exact, general].find((index) => wanted[index]?.[key] !== undefined) ?? -1
  checkCode(code, `${path}.wsdl`, faults)
  if (version !== undefined) checkName(version, `${path}.wsdl`, faults)
  const at = (index: number, key: string) => (index < 0 ? `${path}.${key}` : `${path}.operations[${index}].${key}`)
  const own = wanted[place('url')]?.url ?? input.url
  const url = own ?? written
  if (url === undefined) {
    faults.add(`${path}.wsdl`, `operation ${code} has no soap:address; give url`)
    return undefined
  }
  const where = own === undefined ? `${path}.wsdl` : at(place('url'), 'url')
  const address = faults.attempt(where, () => checkAddress(url, 'whole'))
  if (address === undefined) return undefined
  const tls = place('tls')
  const tracked = place('tracker')
  const rules = wanted[tracked]?.tracker ?? input.tracker
  const tracker = readTracker(rules, at(tracked, 'tracker'), true, context)
  // Said of the whole description, it means those of its addresses that are https.
  const wantedTls = wanted[tls]?.tls ?? (address.protocol === 'https:' ? input.tls : undefined)
  return {
    code,
    type: 'WSDL',
    url,
    timeoutSeconds: wanted[place('timeoutSeconds')]?.timeoutSeconds ?? input.timeoutSeconds,
    tls: tlsOf(wantedTls, address, at(tls, 'tls'), context),
    endpoints: [],
    ...(version === undefined ? {} : { version }),
    ...(title === undefined ? {} : { title }),
    ...(input.disabled === undefined ? {} : { notice: input.disabled.notice }),
    ...(tracker && { tracker }),
  }
}

async function fetchWsdl(
  address: string,
  trust: DescriptionTrust,
  { path, faults, fetchText }: ServiceContext,
): Promise<readonly WsdlOperation[] | undefined> {
  if (faults.attempt(`${path}.wsdl`, () => checkAddress(address, 'whole')) === undefined) return undefined
  try {
    return readWsdl(await fetchText(address, trust))
  } catch (error) {
    faults.add(`${path}.wsdl`, (error as Error).message)
    return undefined
  }
}
