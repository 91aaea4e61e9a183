// Fault codes, read in both spellings: `server.serverproxy.access_denied`, and `Server.ServerProxy.AccessDenied` of servers
// up to X-Road 7.7 (wire-client §7.1).

/** Who refused: the message itself, your security server, the other one. */
export type Side = 'client' | 'consumer' | 'provider' | 'unknown'

const SIDES: readonly (readonly [prefix: string, side: Side])[] = [
  ['server.clientproxy.', 'consumer'],
  ['server.serverproxy.', 'provider'],
  ['client.', 'client'],
]

/** The side, and what happened in today's spelling, without `service_failed` before it. */
export function readCode(code: string): { side: Side; reason: string } {
  const lower = code.toLowerCase()
  const [prefix, side] = SIDES.find(([known]) => lower.startsWith(known)) ?? (['', 'unknown'] as const)
  const words = code.slice(prefix.length).split('.').map(snakeCase)
  if (words.length > 1 && words[0] === 'service_failed') words.shift()
  return { side, reason: words.join('.') }
}

/** `AccessDenied` → `access_denied`. */
function snakeCase(word: string): string {
  return word.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase()
}

const ASK: Readonly<Record<Side, string>> = {
  client: 'Mend the request: the security server could not accept it as it is',
  consumer: 'Your own security server refused; its administrator finds the cause in its log',
  provider: "The provider's security server refused; its administrator finds the cause in its log",
  unknown: 'The administrator of the security server finds the cause in its log',
}

/** By the first word of the reason; a side in front where it matters. */
const ADVICE: ReadonlyMap<string, string> = new Map(
  Object.entries({
    access_denied: 'Ask the provider for access rights of your subsystem to this service and endpoint',
    unknown_service: 'Check the service code and version; listMethods shows what the provider offers',
    service_type: 'This is a SOAP service called as REST, or the reverse: use the other kind of call',
    service_disabled: 'The provider has switched the service off; its notice is in the text',
    service_missing_url: 'The provider has not configured where the service is',
    service_malformed_url: 'The provider has configured a wrong address of the service',
    maintenance_mode: "The provider's security server is in maintenance; try later",
    'consumer.unknown_member':
      'Check the client and the provider: the client must be registered on this security server, the provider on some (listClients shows who there is)',
    'provider.unknown_member':
      'The provider is not registered on the security server that answered; check the service identifier',
    'consumer.ssl_authentication_failed':
      "Your client's connection type asks for HTTPS or for a client certificate: give `tls`, or have the certificate registered for the client",
    'provider.ssl_authentication_failed':
      'The servers, or the provider and its service, do not accept each other’s certificates; their administrators must look',
    invalid_client_identifier: 'Give `client` as INSTANCE/CLASS/CODE/SUBSYSTEM',
    invalid_security_server: 'The `securityServer` named does not serve this provider',
    global_conf_outdated: 'The security server has no valid global configuration; its administrator must look',
    network_error: 'Something behind the security server cannot be reached; try later',
    unknown_host: 'The address of the service does not resolve; the provider must look',
    io_error: 'A connection broke or was too slow; the message may have been executed',
    logging_failed: 'The message could not be logged and was not sent on; the administrator must look',
    'client.inconsistent_headers': 'The name of the first element of the body must begin with the service code',
  }),
)

/** What somebody who meets this can do. */
export function adviceFor(side: Side, reason: string): string {
  const first = reason.split('.')[0] ?? ''
  return ADVICE.get(`${side}.${first}`) ?? ADVICE.get(first) ?? ASK[side]
}
