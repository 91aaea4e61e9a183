// What a ceremony made, in public: the recipient that registers are sealed to, how many custodians open it, and a commitment to the share of each.
// A text of fixed lines, signed as a note by whoever the state names (signed-note); the embassy and every agent pin it.
import { decodeBase64, encodeBase64 } from '#trust'
import { ContinuityError } from './error.ts'

export interface Custodian {
  readonly name: string
  /** SHA-256 over salt and share. */
  readonly commitment: Uint8Array
}

export interface Manifest {
  readonly instance: string
  readonly embassy: string
  /** Of the ceremony; each opening and each rotation makes the next. */
  readonly version: number
  /** `age1pq1…`. */
  readonly recipient: string
  /** How many shares open. */
  readonly threshold: number
  readonly custodians: readonly Custodian[]
}

const FIRST_LINE = 'saadik ceremony v1'
export const MAXIMUM_CUSTODIANS = 32
const NAME = /^\S{1,128}$/u

const refuse = (why: string) => new ContinuityError('malformed_manifest', `The manifest is malformed: ${why}`)

/** The one text of a manifest, to be signed. Throws `malformed_manifest`. */
export function formatManifest(manifest: Manifest): string {
  const text = write(manifest)
  parseManifest(text)
  return text
}

function write({ instance, embassy, version, recipient, threshold, custodians }: Manifest): string {
  const lines = [
    FIRST_LINE,
    `instance ${instance}`,
    `embassy ${embassy}`,
    `version ${version}`,
    `recipient ${recipient}`,
    `threshold ${threshold}`,
  ]
  return [
    ...lines,
    ...custodians.map(({ name, commitment }) => `custodian ${name} ${encodeBase64(commitment)}`),
    '',
  ].join('\n')
}

/** Throws `malformed_manifest`. */
export function parseManifest(text: string): Manifest {
  if (text.length > 32 * 1024 || !text.endsWith('\n')) throw refuse('it is too long, or its last line does not end')
  const lines = text.slice(0, -1).split('\n')
  const field = (index: number, name: string): string => {
    const line = lines[index] ?? ''
    if (!line.startsWith(`${name} `)) throw refuse(`line ${index + 1} is not "${name} …"`)
    return line.slice(name.length + 1)
  }
  const manifest: Manifest = {
    instance: field(1, 'instance'),
    embassy: field(2, 'embassy'),
    version: Number(field(3, 'version')),
    recipient: field(4, 'recipient'),
    threshold: Number(field(5, 'threshold')),
    custodians: lines.slice(6).map(readCustodian),
  }
  check(manifest)
  // One text, one meaning.
  if (write(manifest) !== text) throw refuse('it is not written as a manifest is')
  return manifest
}

function readCustodian(line: string): Custodian {
  const [word, name = '', encoded = '', ...more] = line.split(' ')
  const commitment = encoded.length === 44 ? decodeBase64(encoded) : undefined
  if (word !== 'custodian' || !NAME.test(name) || commitment?.length !== 32 || more.length > 0)
    throw refuse('a line names no custodian')
  return { name, commitment }
}

function check({ instance, embassy, version, recipient, threshold, custodians }: Manifest): void {
  if (!NAME.test(instance) || !NAME.test(embassy)) throw refuse('it names no instance or no embassy')
  if (!Number.isSafeInteger(version) || version < 1) throw refuse('it has no version')
  if (!/^age1pq1[0-9a-z]+$/.test(recipient)) throw refuse('it has no hybrid recipient')
  if (custodians.length < 2 || custodians.length > MAXIMUM_CUSTODIANS)
    throw refuse(`${custodians.length} custodians are not 2 to ${MAXIMUM_CUSTODIANS}`)
  if (new Set(custodians.map(({ name }) => name)).size !== custodians.length) throw refuse('a custodian is named twice')
  if (!Number.isInteger(threshold) || threshold < 2 || threshold > custodians.length)
    throw refuse('its threshold is not 2 to the number of custodians')
}
