// Keys and requests made by openssl, for authorities that must not care who made them.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pem } from '#trust'
import { tool } from '../../tools.ts'

export interface OpensslRequest {
  /** DER. */
  readonly csr: Buffer
  readonly keyFile: string
}

/** A key and a PKCS#10 request; `subject` as openssl writes it (`/C=EE/CN=x`), `extensions` as `-addext` lines. */
export function opensslRequest(
  directory: string,
  name: string,
  { subject, key = 'ec', extensions = [] }: { subject: string; key?: 'ec' | 'rsa'; extensions?: readonly string[] },
): OpensslRequest {
  const keyFile = join(directory, `${name}.key`)
  const csrFile = join(directory, `${name}.csr`)
  const algorithm = key === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048']
  openssl(
    'req',
    '-new',
    '-utf8',
    ...algorithm,
    '-nodes',
    '-keyout',
    keyFile,
    '-out',
    csrFile,
    '-outform',
    'DER',
    '-subj',
    subject,
    ...extensions.flatMap((line) => ['-addext', line]),
  )
  return { csr: readFileSync(csrFile), keyFile }
}

/** Runs openssl and expects it to be content; returns what it printed, both streams. */
export function openssl(...args: readonly string[]): string {
  const { status, stdout, stderr } = tool('openssl', args)
  assert.equal(status, 0, `openssl ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout + stderr
}

/** Writes a certificate as PEM and returns the file. */
export function pemFile(directory: string, name: string, der: Uint8Array): string {
  const file = join(directory, `${name}.pem`)
  writeFileSync(file, pem('CERTIFICATE', der))
  return file
}
