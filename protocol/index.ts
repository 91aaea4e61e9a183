// The door of the room: X-Road on the wire. Every export is named, here or in configuration/.

export {
  isProfile,
  memberFromCertificate,
  profileClassName,
  requestSubject,
  type SubjectFacts,
} from './certificate-profile.ts'
export * from './configuration/index.ts'
export {
  acceptableTarget,
  compilePattern,
  decodeServicePath,
  type EndpointPattern,
} from './endpoint.ts'
export {
  attachmentPart,
  messagePart,
  mimeTypes,
  readTransport,
  type TransportPart,
  transportHeaders,
} from './envelope.ts'
export { type ProtocolCode, ProtocolError } from './error.ts'
export { FAULTS, type FaultCode, type FaultMeaning } from './fault-catalogue.ts'
export { readSoapFault, renderRestError, writeSoapFault } from './fault-formats.ts'
export { currentCode, fault, legacyCode, prefixed, returnedFault, type Side, XRoadFault } from './faults.ts'
export {
  type ClientId,
  clientOf,
  decodeClientId,
  decodeIdPart,
  decodeServerId,
  decodeServiceId,
  encodeIdPart,
  type GlobalGroupId,
  idKey,
  MAX_ID_LENGTH,
  memberOf,
  parseClientId,
  parseServerId,
  type ServerId,
  type ServiceId,
  sameId,
  shortId,
  typedId,
} from './identifier.ts'
export { mediaType } from './media-type.ts'
export { collect, type HeaderList, readMultipart } from './multipart.ts'
export {
  type MultipartWriter,
  randomBoundary,
  type TransportWriter,
  transportWriter,
} from './multipart-writer.ts'
export { reducedRest, reducedSoap } from './reduced.ts'
export { buildRestRequest, parseRestRequest, type RestRequestHead } from './rest-request.ts'
export {
  buildRestResponse,
  checkRestConsistency,
  parseRestResponse,
  type RestResponseHead,
  restRequestHash,
} from './rest-response.ts'
export { checkSoapAction } from './soap/action.ts'
export { answerSoap, checkSoapConsistency, readSoapAnswer, soapQuestion, soapRequestHash } from './soap/answer.ts'
export { readSoapContent, type SoapContent } from './soap/content.ts'
export { deliverSoap, type SoapDelivery } from './soap/delivery.ts'
export type { RepresentedParty, SoapHeader } from './soap/header.ts'
export { readLoggedSoap, readSoap, type SoapMessage, type SoapRead } from './soap/message.ts'
export { supportsVersion } from './version.ts'
export { canonicalAttribute, canonicalText, escapeAttribute, escapeText, readXml } from './xml.ts'
export {
  attributeOf,
  childElement,
  childElements,
  descendants,
  isElement,
  textOf,
  XMLNS,
  type XmlAttribute,
  type XmlElement,
} from './xml-tree.ts'
