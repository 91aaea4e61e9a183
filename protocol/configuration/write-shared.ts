import { type ClientId, idKey, sameId } from '../identifier.ts'
import { writeClientIdentifier } from './client-identifier.ts'
import { malformed } from './elements.ts'
import { base64, branch, leaf, type Markup, optional, writeDocument } from './markup.ts'
import type {
  AcmeServer,
  ApprovedCa,
  CaEntry,
  ConfigurationVersion,
  MemberClass,
  RegisteredServer,
  SharedParameters,
} from './shared-parameters.ts'

/**
 * Writes shared-params.xml in the form of `version`, leaving out what that form cannot say (wire-conf §3.2). Forms below 5
 * cannot say that a server is in maintenance: its subsystems are left out of `client` there, so that old readers do not call it.
 *
 * @throws ProtocolError `malformed_configuration` for parameters that no document can hold: a client that is no member's, a
 * hash of the wrong length, no source from version 3 on
 */
export function writeSharedParameters(parameters: SharedParameters, version: ConfigurationVersion): Uint8Array {
  const classes = new Map(parameters.memberClasses.map((each) => [each.code, each.description]))
  if (version >= 3 && parameters.sources.length === 0) throw malformed(`version ${version} needs a source`)
  const { members, ids } = writeMembers(parameters, classes, version)
  return writeDocument('conf', [
    leaf('instanceIdentifier', parameters.instance),
    ...(version < 3 ? [] : parameters.sources).map((source) =>
      branch('source', [
        leaf('address', source.address),
        ...source.internal.map(({ der }) => base64('internalVerificationCert', der)),
        ...source.external.map(({ der }) => base64('externalVerificationCert', der)),
      ]),
    ),
    ...parameters.authorities.map((ca) => writeCa(ca, version)),
    ...parameters.tsas.map((tsa) =>
      branch('approvedTSA', [
        leaf('name', tsa.name),
        leaf('url', tsa.url),
        base64('cert', tsa.certificate.der),
        version < 6 ? undefined : optional('costType', tsa.costType),
      ]),
    ),
    ...members,
    ...parameters.servers.map((server) => writeServer(server, ids, version)),
    ...parameters.groups.map((group) =>
      branch('globalGroup', [
        leaf('groupCode', group.code),
        leaf('description', group.description),
        ...group.members.map((member) => writeClientIdentifier('groupMember', member)),
      ]),
    ),
    branch('globalSettings', [
      ...parameters.memberClasses.map(writeMemberClass),
      leaf('ocspFreshnessSeconds', parameters.ocspFreshnessSeconds),
    ]),
  ])
}

function writeCa(ca: ApprovedCa, version: ConfigurationVersion): Markup {
  return branch('approvedCA', [
    leaf('name', ca.name),
    leaf('authenticationOnly', ca.authenticationOnly),
    writeCaEntry('topCA', ca.top, version),
    ...ca.intermediates.map((entry) => writeCaEntry('intermediateCA', entry, version)),
    leaf('certificateProfileInfo', ca.profile),
    version < 6 ? undefined : optional('defaultCsrFormat', ca.csrFormat),
    version < 3 || ca.acme === undefined ? undefined : writeAcme(ca.acme, version),
  ])
}

function writeCaEntry(name: string, entry: CaEntry, version: ConfigurationVersion): Markup {
  return branch(name, [
    base64('cert', entry.certificate.der),
    ...entry.ocsp.map(({ url, certificate, costType }) =>
      branch('ocsp', [
        leaf('url', url),
        certificate && base64('cert', certificate.der),
        version < 6 ? undefined : optional('costType', costType),
      ]),
    ),
  ])
}

function writeAcme(acme: AcmeServer, version: ConfigurationVersion): Markup {
  return branch('acmeServer', [
    leaf('directoryURL', acme.directoryUrl),
    optional('ipAddress', acme.ipAddress),
    version < 4 ? undefined : optional('authenticationCertificateProfileId', acme.authenticationProfileId),
    version < 4 ? undefined : optional('signingCertificateProfileId', acme.signingProfileId),
  ])
}

/** Ids are `id0`, `id1`, … depth first: a member, its subsystems, the next member (wire-conf §3.1). */
function writeMembers(
  { instance, members }: SharedParameters,
  classes: ReadonlyMap<string, string>,
  version: ConfigurationVersion,
) {
  const ids = new Map<string, string>()
  const nextId = (client: ClientId): Markup['attributes'] => {
    const id = `id${ids.size}`
    const key = idKey(client)
    if (ids.has(key)) throw malformed(`the client ${key} is listed twice`)
    ids.set(key, id)
    return [['id', id]]
  }
  const written = members.map(({ memberClass, memberCode, name, subsystems }) => {
    const description = classes.get(memberClass)
    if (description === undefined) throw malformed(`the member class ${memberClass} is not described`)
    const member = { instance, memberClass, memberCode }
    const attributes = nextId(member)
    return branch(
      'member',
      [
        writeMemberClass({ code: memberClass, description }),
        leaf('memberCode', memberCode),
        leaf('name', name),
        ...subsystems.map((subsystem) =>
          branch(
            'subsystem',
            [
              leaf('subsystemCode', subsystem.code),
              version < 5 ? undefined : optional('subsystemName', subsystem.name),
            ],
            nextId({ ...member, subsystemCode: subsystem.code }),
          ),
        ),
      ],
      attributes,
    )
  })
  return { members: written, ids }
}

function writeServer(
  server: RegisteredServer,
  ids: ReadonlyMap<string, string>,
  version: ConfigurationVersion,
): Markup {
  const { instance, memberClass, memberCode, serverCode } = server.id
  const owner: ClientId = { instance, memberClass, memberCode }
  const reference = (client: ClientId): string => {
    const id = ids.get(idKey(client))
    if (id === undefined) throw malformed(`${idKey(client)}, a client of ${serverCode}, is no member or subsystem`)
    return id
  }
  const hidden = version < 5 && server.maintenance !== undefined
  const clients = server.clients.filter(
    (client) => !sameId(client, owner) && !(hidden && client.subsystemCode !== undefined),
  )
  const hashLength = version === 2 ? 20 : 32
  return branch('securityServer', [
    leaf('owner', reference(owner)),
    leaf('serverCode', serverCode),
    optional('address', server.address),
    ...server.authCertHashes.map((hash) => {
      if (hash.length !== hashLength) throw malformed(`an authentication certificate hash of ${serverCode} is no hash`)
      return base64('authCertHash', hash)
    }),
    ...clients.map((client) => leaf('client', reference(client))),
    version < 5 || server.maintenance === undefined
      ? undefined
      : branch('inMaintenanceMode', [optional('message', server.maintenance.message)]),
  ])
}

function writeMemberClass({ code, description }: MemberClass): Markup {
  return branch('memberClass', [leaf('code', code), leaf('description', description)])
}
