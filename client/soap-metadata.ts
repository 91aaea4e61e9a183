// The metaservices that only SOAP has: services of WSDLs, and the WSDLs themselves (wire-client §4.2).
import { AnswerError } from './error.ts'
import { decodeXml, readMediaType } from './media-type.ts'
import type { MessageOptions } from './message.ts'
import type { ListedService, ServiceDescription } from './metadata.ts'
import type { SoapService } from './soap.ts'
import { readService } from './soap-answer.ts'
import { NAMESPACES } from './soap-request.ts'
import { elements, readXml } from './xml.ts'

/** listMethods or allowedMethods, by the service code of `service`. */
export async function listSoap(service: SoapService, options: MessageOptions): Promise<ListedService[]> {
  const body = { [`xroad:${service.id.serviceCode}`]: { '@xmlns:xroad': NAMESPACES.xroad } }
  const { bodyXml } = await service.call({ ...options, body })
  return elements(readXml(bodyXml), NAMESPACES.xroad, 'service').map((element) => ({
    id: readService(element),
    type: 'WSDL',
    endpoints: [],
  }))
}

/** The WSDL comes as the only attachment of the answer. */
export async function readWsdl(
  service: SoapService,
  { serviceCode, serviceVersion }: { serviceCode: string; serviceVersion: string | undefined },
  options: MessageOptions,
): Promise<ServiceDescription> {
  const { attachments } = await service.call({
    ...options,
    body: {
      'xroad:getWsdl': {
        '@xmlns:xroad': NAMESPACES.xroad,
        'xroad:serviceCode': serviceCode,
        'xroad:serviceVersion': serviceVersion,
      },
    },
  })
  for await (const attachment of attachments) {
    const { type, parameters } = readMediaType(attachment.headers.get('content-type') ?? 'text/xml')
    return {
      mediaType: type,
      text: decodeXml(new Uint8Array(await attachment.arrayBuffer()), parameters.get('charset')),
    }
  }
  throw new AnswerError('getWsdl was answered without a WSDL')
}
