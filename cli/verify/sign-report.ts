// A report signed by the auditor: a detached CMS signature beside it, which `openssl cms -verify` judges. The key is his own, in a PEM file
// with its certificate; it is no key of this house and never comes near a signer.
import { createPrivateKey, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import {
  buildSignedData,
  type Certificate,
  hasher,
  oids,
  parseCertificate,
  type SignatureAlgorithm,
  signatureFor,
  TrustError,
  unpem,
} from '#trust'
import { CliError } from '../error.ts'
import { readInput } from '../files.ts'
import { readPins } from '../pin.ts'

export interface ReportSigner {
  readonly certificate: Certificate
  /** The chain that the file has beside it. */
  readonly others: readonly Certificate[]
  readonly key: KeyObject
  readonly algorithm: SignatureAlgorithm
}

const DIGEST = 'SHA-512'

/**
 * Reads the private key and the certificates of a PEM file, as `openssl pkcs12 -in auditor.p12 -out auditor.pem` writes it. The password of an
 * encrypted key is read from `pinFile`, or asked for.
 *
 * @throws CliError `usage`, `unreadable`
 */
export async function readSigner(file: string, pinFile: string | undefined): Promise<ReportSigner> {
  const text = (await readInput(file)).toString('latin1')
  const [pin] = /ENCRYPTED/.test(text) ? await readPins([{ file: pinFile, question: `Password of ${file}: ` }]) : []
  try {
    const key = createPrivateKey({ key: text, format: 'pem', ...(pin !== undefined && { passphrase: pin }) })
    const certificates = unpem(text, 'CERTIFICATE').map((der) => parseCertificate(der))
    const certificate = certificates.find(({ der }) => new X509Certificate(der).checkPrivateKey(key))
    if (certificate === undefined) throw new Error('it holds no certificate of its key')
    const others = certificates.filter((one) => one !== certificate)
    return { certificate, others, key, algorithm: signatureFor(key, DIGEST) }
  } catch (cause) {
    const why = cause instanceof TrustError || cause instanceof Error ? cause.message : String(cause)
    throw new CliError('unreadable', `${file} cannot sign: ${why}`, { cause })
  }
}

/** Writes `<file>.p7s` and gives its name. A report that was signed is not written to again. */
export async function signReport(file: string, { certificate, others, key, algorithm }: ReportSigner): Promise<string> {
  const state = hasher(DIGEST)
  for await (const chunk of createReadStream(file)) state.update(chunk as Buffer)
  const signature = await buildSignedData(
    {
      contentType: oids.data,
      contentDigest: state.digest(),
      signer: certificate,
      certificates: [certificate, ...others],
      signingTime: new Date(),
      algorithm,
    },
    async (attributes) => sign('sha512', attributes, key),
  )
  await writeFile(`${file}.p7s`, signature)
  return `${file}.p7s`
}
