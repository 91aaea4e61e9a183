// Whom to believe, and who one is, on the connection to the security server. Types only: they name nothing of Node's.

/** PEM as text or bytes. */
export type Pem = string | Uint8Array

/** How the connection to port 8443 is secured. Without it the machine's own authorities are believed. */
export interface TlsOptions {
  /** Your certificate and its chain (PEM), for clients of connection type HTTPS: the leaf is registered for the client in the security server. */
  readonly cert?: Pem
  /** Its private key (PEM). */
  readonly key?: Pem
  readonly passphrase?: string
  /** Certificate and key together, instead of `cert` and `key` (PKCS#12). */
  readonly pfx?: Uint8Array
  /** Authorities to believe instead of the machine's (PEM); the host name must then stand in the server's certificate. */
  readonly ca?: Pem | readonly Pem[]
  /**
   * The security server's own TLS certificate (PEM), or its SHA-256 fingerprint in hex: exactly this one is accepted, whatever
   * it says of names and dates. Right for the self-signed certificates that security servers have as a rule.
   */
  readonly pinned?: string | readonly string[]
}
