// TLS between security servers, the same at both ends (wire-message §1.2, §1.3).
import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { pem } from '#trust'
import type { TlsIdentity } from '../certificates/own-keys.ts'

/** The suites of TLS 1.3, and X-Road's three for TLS 1.2. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'DHE-RSA-AES256-SHA256',
].join(':')

/**
 * A whole context, for a listener, for its replacement while it runs, and for connections: Node fills in its own defaults for
 * whatever one of them leaves out, and takes nothing but the context once there is one.
 */
export function peerTls(identity: TlsIdentity): SecureContextOptions {
  return {
    key: identity.keyPem,
    // The chain goes out without its root: the reference asks for the root's OCSP answer if it comes (wire-message §12).
    cert: identity.chain.map((link) => pem('CERTIFICATE', link.der)).join(''),
    ciphers: CIPHERS,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    dhparam: 'auto',
    secureOptions: NO_RESUMPTION,
  }
}

/**
 * A resumed session shows no peer certificate, so none is offered; nor is a connection's certificate exchanged for another
 * one after it was judged.
 */
export const NO_RESUMPTION = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION
