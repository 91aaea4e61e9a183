// The operational record: what X-Road's monitoring protocol keeps of one exchange on one side (wire-client §6.1).

/** Which part of X-Road's schema each field is; the order is that of the reference's answers. */
export const FIELDS = {
  /** Seconds: when the record was stored. Queries and paging go by it. */
  monitoringDataTs: 'integer',
  securityServerInternalIp: 'text',
  securityServerType: 'text',
  requestInTs: 'integer',
  requestOutTs: 'integer',
  responseInTs: 'integer',
  responseOutTs: 'integer',
  clientXRoadInstance: 'text',
  clientMemberClass: 'text',
  clientMemberCode: 'text',
  clientSubsystemCode: 'text',
  serviceXRoadInstance: 'text',
  serviceMemberClass: 'text',
  serviceMemberCode: 'text',
  serviceSubsystemCode: 'text',
  serviceCode: 'text',
  restMethod: 'text',
  restPath: 'text',
  xRoadVersion: 'text',
  serviceVersion: 'text',
  representedPartyClass: 'text',
  representedPartyCode: 'text',
  messageId: 'text',
  messageUserId: 'text',
  messageIssue: 'text',
  messageProtocolVersion: 'text',
  clientSecurityServerAddress: 'text',
  serviceSecurityServerAddress: 'text',
  requestSize: 'integer',
  responseSize: 'integer',
  requestMimeSize: 'integer',
  requestAttachmentCount: 'integer',
  responseMimeSize: 'integer',
  responseAttachmentCount: 'integer',
  succeeded: 'boolean',
  faultCode: 'text',
  faultString: 'text',
  xRequestId: 'text',
  statusCode: 'integer',
  serviceType: 'text',
} as const

export type FieldName = keyof typeof FIELDS

type ValueOf<Kind> = Kind extends 'integer' ? number : Kind extends 'boolean' ? boolean : string

type Fields = { readonly [Name in FieldName]: ValueOf<(typeof FIELDS)[Name]> }

/** What a record must have to be stored. */
type Required = 'securityServerInternalIp' | 'securityServerType' | 'requestInTs' | 'responseOutTs' | 'succeeded'

/** One record before it is stored: it has no time of storing yet. Fields that mean nothing for an exchange are absent. */
export type OperationalRecord = Pick<Fields, Required> & {
  readonly [Name in Exclude<FieldName, Required | 'monitoringDataTs'>]?: Fields[Name] | undefined
}

export const FIELD_NAMES = Object.keys(FIELDS) as readonly FieldName[]

/** Told only to the owner of the server and to the monitoring client of the instance. */
export const INTERNAL_FIELD = 'securityServerInternalIp' satisfies FieldName

export function isField(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name)
}
