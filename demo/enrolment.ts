// From empty signers to a federation: keys, certificates, members, anchor, services. Everything goes through the doors that an
// operator has too (signer clients and control sockets), and every step looks first at what is already there.
import { X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import type { ApplyAnswer, FederationDocument } from '#central-server/contract'
import { controlClient, runtimeSocket, writeFileDurable } from '#host'
import type { CeremonyAnswer, IssuableProfile, IssueAnswer } from '#pki/contract'
import type { ApplyResult } from '#security-server/contract'
import { connectSigner, type KeyInfo, type SignerClient } from '#signer'
import { DemoError } from './error.ts'
import { type NoteKeys, writeOnce } from './files.ts'
import { CENTRE, COUNTRY, INSTANCE, idOf, type Layout, MEMBERS, type Member, type ServerLayout } from './layout.ts'
import { services } from './services.ts'

/** A certificate is renewed at a start in its last days. */
const RENEW_BEFORE_MS = 14 * 86_400_000

/** Object identifiers of the subject attributes of X-Road's Basic profile (wire-conf §5.3). */
const OID = {
  country: '2.5.4.6',
  organization: '2.5.4.10',
  commonName: '2.5.4.3',
  serialNumber: '2.5.4.5',
  businessCategory: '2.5.4.15',
} as const

export interface ServerCertificates {
  /** DER. */
  readonly authentication: Buffer
  /** What this call had to have issued; empty at every later start. */
  readonly issued: readonly string[]
  readonly notes: NoteKeys
}

export const caControl = (layout: Layout) => controlClient(runtimeSocket(join(layout.pki.folder, 'data'), 'ca'))
const centralControl = (layout: Layout) => controlClient(runtimeSocket(join(layout.central.folder, 'data'), 'control'))
const serverControl = (server: ServerLayout) => controlClient(runtimeSocket(join(server.folder, 'data'), 'control'))

/** Root, issuing CA, OCSP and TSA certificates. */
export function ceremony(layout: Layout): Promise<CeremonyAnswer> {
  return caControl(layout).post<CeremonyAnswer>('/ceremony', {})
}

/** The keys of a security server and their certificates, a signing key for each of its members; `caReady` is awaited only when one must be issued. */
export async function enrolServer(
  server: ServerLayout,
  caReady: Promise<unknown>,
  layout: Layout,
): Promise<ServerCertificates> {
  const { socket, tokenFile } = layout.signer(server.folder)
  const signer = await connectSigner({ socket, tokenFile })
  try {
    const issued: string[] = []
    const issue = async (profile: IssuableProfile, csr: Uint8Array) => {
      await caReady
      issued.push(profile)
      return caControl(layout).post<IssueAnswer>('/issue', { profile, csr: Buffer.from(csr).toString('base64') })
    }
    const keys = await signer.keys()
    const signing = [server.owner, ...server.guests].map((member) => {
      const label = member === server.owner ? 'demo message' : `demo message ${member.code}`
      return certified(signer, keys, { use: 'message', label, subject: signingSubject(member) }, (csr) =>
        issue('signing', csr),
      )
    })
    const wanted = {
      use: 'authentication',
      label: 'demo authentication',
      subject: authenticationSubject(server),
      dnsName: serverName(server),
    } as const
    const id = `${idOf(server.owner)}/${server.code}`
    const [authentication, log, witness] = await Promise.all([
      certified(signer, keys, wanted, (csr) => issue('authentication', csr)),
      noteKey(signer, keys, 'log', `message-log/${id}`),
      noteKey(signer, keys, 'witness', `witness/${id}`),
      ...signing,
    ])
    return { authentication, issued, notes: { log, witness } }
  } finally {
    signer.close()
  }
}

export function notesOf(certificates: ReadonlyMap<string, ServerCertificates>): ReadonlyMap<string, NoteKeys> {
  return new Map([...certificates].map(([code, { notes }]) => [code, notes]))
}

/** The verifier key of a key for notes. A server makes its own when it needs them; here the others must know them before it starts. */
async function noteKey(
  signer: SignerClient,
  keys: readonly KeyInfo[],
  use: 'log' | 'witness',
  name: string,
): Promise<string> {
  const key =
    keys.find((one) => one.use === use && one.note?.name === name) ??
    (await signer.generate({ use, algorithm: 'Ed25519', name }))
  return key.note?.verifierKey ?? ''
}

interface Wanted {
  readonly use: 'authentication' | 'message'
  readonly label: string
  readonly subject: readonly { oid: string; value: string }[]
  readonly dnsName?: string
}

async function certified(
  signer: SignerClient,
  keys: readonly KeyInfo[],
  { use, label, subject, dnsName }: Wanted,
  issue: (csr: Uint8Array) => Promise<IssueAnswer>,
): Promise<Buffer> {
  const mine = keys.filter((key) => key.label === label)
  for (const key of mine) {
    const [newest] = key.certificates
    if (newest && lastsLongEnough(newest)) return Buffer.from(newest, 'base64')
  }
  // A key without a certificate is one whose enrolment was cut short: it goes on with that key.
  const key =
    mine.find(({ certificates }) => certificates.length === 0) ??
    (await signer.generate({ use, algorithm: 'EC-P256', label }))
  const { certificate } = await issue(await signer.csr({ key: key.id, subject, ...(dnsName && { dnsName }) }))
  const der = Buffer.from(certificate, 'base64')
  await signer.importCertificate(der)
  return der
}

function lastsLongEnough(base64: string): boolean {
  return new X509Certificate(Buffer.from(base64, 'base64')).validToDate.getTime() - Date.now() > RENEW_BEFORE_MS
}

function serverName({ code }: ServerLayout): string {
  return `${code}.demo.invalid`
}

function authenticationSubject(server: ServerLayout) {
  return [
    { oid: OID.country, value: COUNTRY },
    { oid: OID.organization, value: server.owner.name },
    { oid: OID.commonName, value: serverName(server) },
    { oid: OID.serialNumber, value: server.owner.code },
  ]
}

function signingSubject(owner: Member) {
  return [
    { oid: OID.country, value: COUNTRY },
    { oid: OID.organization, value: owner.name },
    { oid: OID.businessCategory, value: 'GOV' },
    { oid: OID.commonName, value: owner.name },
    { oid: OID.serialNumber, value: owner.code },
  ]
}

/**
 * The federation, as a document that its operator could have written, into the central server. It names certificates by their
 * files, which are kept up to date; the document itself is written once, and what somebody adds to it is applied at the next start.
 */
export async function applyFederation(
  layout: Layout,
  authorities: CeremonyAnswer,
  certificates: ReadonlyMap<string, ServerCertificates>,
): Promise<readonly string[]> {
  const { files, pki, servers } = layout
  await Promise.all([
    ...servers.map(({ code, folder }) => writePem(authenticationFile(folder), certificates.get(code)?.authentication)),
    ...AUTHORITY_FILES.map((name) =>
      writePem(join(pki.folder, `${name}.pem`), Buffer.from(authorities[name], 'base64')),
    ),
  ])
  await writeOnce(
    files.federation,
    `Who is who in ${INSTANCE}. Load it with: saadik apply -f federation.yaml`,
    federation(layout),
  )
  const document: unknown = parse(readFileSync(files.federation, 'utf8'))
  const { changes, published, reason } = await centralControl(layout).post<ApplyAnswer>('/apply', document)
  if (!published) throw new DemoError('not_ready', `the central server cannot publish the configuration: ${reason}`)
  return changes
}

/** Certificates of the authorities that somebody may want to look at, by their names in the ceremony. */
const AUTHORITY_FILES = ['root', 'issuing', 'ocsp', 'tsa'] as const

const authenticationFile = (folder: string) => join(folder, 'authentication.pem')

async function writePem(file: string, der: Buffer | undefined): Promise<void> {
  if (!der) throw new TypeError(`no certificate for ${file}`)
  const pem = new X509Certificate(der).toString()
  if (!existsSync(file) || readFileSync(file, 'utf8') !== pem) await writeFileDurable(file, pem)
}

function federation({ pki, servers }: Layout): FederationDocument {
  const at = (port: number) => `http://${pki.host}:${port}`
  const pem = (name: (typeof AUTHORITY_FILES)[number]) => join(pki.folder, `${name}.pem`)
  return {
    instance: INSTANCE,
    memberClasses: { GOV: 'Governmental organisations' },
    members: MEMBERS.map(({ code, name, subsystems }) => ({ class: 'GOV', code, name, subsystems })),
    securityServers: servers.map(({ code, owner, guests, host, folder }) => ({
      owner: `GOV/${owner.code}`,
      code,
      address: host,
      authenticationCertificates: [authenticationFile(folder)],
      clients: [owner, ...guests].flatMap((member) =>
        member.subsystems.map((subsystem) => `GOV/${member.code}/${subsystem.code}`),
      ),
    })),
    authorities: [
      {
        name: 'Demo CA',
        certificate: pem('issuing'),
        ocsp: [{ url: at(pki.ocsp), certificate: pem('ocsp') }],
        profile: 'Basic',
      },
    ],
    timestampingAuthorities: [{ name: 'Demo TSA', url: at(pki.tsa), certificate: pem('tsa') }],
    managementService: { provider: `GOV/${CENTRE.code}/management` },
    settings: { ocspFreshnessSeconds: 3600, timestampingIntervalSeconds: 60 },
  }
}

/** The anchor that the security servers start with. */
export async function takeAnchor(layout: Layout): Promise<void> {
  const xml = await centralControl(layout).get<string>('/anchor?source=internal')
  if (!existsSync(layout.files.anchor) || readFileSync(layout.files.anchor, 'utf8') !== xml)
    await writeFileDurable(layout.files.anchor, xml)
}

/** Clients, services and access rights of one security server, from its server.yaml. */
export async function applyServices(layout: Layout, server: ServerLayout): Promise<readonly string[]> {
  const file = join(server.folder, 'server.yaml')
  const about = `What the ${server.owner.name} offers and to whom. Load it with: saadik apply -f server.yaml --server ${server.code}`
  await writeOnce(file, about, services(layout, server))
  const document: unknown = parse(readFileSync(file, 'utf8'))
  return (await serverControl(server).post<ApplyResult>('/apply', document)).changes
}
