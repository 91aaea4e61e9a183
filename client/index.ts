// The door, and what `import … from 'saadik/client'` gives.
export type { Attachment } from './attachment.ts'
export { type ClientOptions, createClient, type XRoadClient } from './client.ts'
export { AnswerError, NetworkError, ServiceFault, TimeoutError, XRoadClientError, XRoadError } from './error.ts'
export type { Side } from './fault-code.ts'
export type { ClientId, RepresentedParty, ServerId, ServiceId } from './identifier.ts'
export { type Exchange, exchangeOf, type MessageOptions } from './message.ts'
export type {
  ListedClient,
  ListedEndpoint,
  ListedService,
  ListOptions,
  Metadata,
  ServiceDescription,
} from './metadata.ts'
export type { Answer, AnyPaths, Method } from './openapi.ts'
export type { FetchInit, RestService } from './rest.ts'
export type { SoapAnswer, SoapService } from './soap.ts'
export type { SoapHeader } from './soap-answer.ts'
export type { OutgoingAttachment, SoapRequest } from './soap-request.ts'
export type { TlsOptions } from './tls-options.ts'
export type { XmlInput, XmlValue } from './xml-value.ts'
