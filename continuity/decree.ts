// Decrees: the only thing that changes what an embassy may do. A text of fixed lines, signed by more than half of the holders of decree keys (signed-note).
import { type Note, openNote, parseNote } from '#transparency'
import type { DecreeKeys } from './decree-keys.ts'
import { ContinuityError } from './error.ts'

export const MODES = ['SEALED', 'RELAY', 'READ_ONLY', 'TAKEOVER'] as const
export type Mode = (typeof MODES)[number]

/** Instead of a register: the centre itself, its configuration, OCSP answers and time-stamps. */
export const CENTRE = 'CENTRE'

export interface Decree {
  readonly instance: string
  /** Name of a register, or {@link CENTRE}. */
  readonly subject: string
  /** Subsystem that carries it out, `DEMO/GOV/70000003/embassy`. */
  readonly embassy: string
  readonly from: Mode
  readonly to: Mode
  /** The epoch that ends, and the one that begins: its successor. */
  readonly epoch: readonly [number, number]
  /** Head of the log that ends: what stands before it is taken over, what home appended later is a branch. None for the centre. */
  readonly predecessor?: { readonly origin: string; readonly size: number; readonly root: string }
  /** Version of the set of decree keys. */
  readonly keys: number
  readonly notBefore: Date
  readonly notAfter: Date
  /** 16 octets in hexadecimal. */
  readonly nonce: string
}

const FIRST_LINE = 'saadik decree v1'
/** Which changes of mode there are. Back to SEALED from anywhere; never silently further than one decree says. */
const CHANGES: Readonly<Record<Mode, readonly Mode[]>> = Object.freeze({
  SEALED: ['RELAY', 'READ_ONLY', 'TAKEOVER'],
  RELAY: ['SEALED'],
  READ_ONLY: ['TAKEOVER', 'SEALED'],
  TAKEOVER: ['SEALED'],
})
const NAME = /^[^\s/]{1,128}$/u
const IDENTIFIER = /^[^\s/]+(?:\/[^\s/]+){2,3}$/u
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
const PREDECESSOR = /^(\S{1,255}) (0|[1-9]\d{0,15}) ([A-Za-z0-9+/]{43}=)$/u

const refuse = (why: string) => new ContinuityError('malformed_decree', `The decree is malformed: ${why}`)

/** The one text of a decree, to be signed. Throws `malformed_decree`. */
export function formatDecree(decree: Decree): string {
  const text = write(decree)
  parseDecree(text)
  return text
}

function write(decree: Decree): string {
  const { predecessor, epoch } = decree
  return [
    FIRST_LINE,
    `instance ${decree.instance}`,
    `subject ${decree.subject}`,
    `embassy ${decree.embassy}`,
    `mode ${decree.from} ${decree.to}`,
    `epoch ${epoch[0]} ${epoch[1]}`,
    `predecessor ${predecessor === undefined ? '-' : `${predecessor.origin} ${predecessor.size} ${predecessor.root}`}`,
    `keys ${decree.keys}`,
    `not-before ${timeText(decree.notBefore)}`,
    `not-after ${timeText(decree.notAfter)}`,
    `nonce ${decree.nonce}`,
    '',
  ].join('\n')
}

/** Reads the text of a note. It counts for nothing before {@link openDecree}. Throws `malformed_decree`. */
export function parseDecree(text: string): Decree {
  const lines = text.split('\n')
  if (text.length > 4096 || lines[0] !== FIRST_LINE || lines.length !== 12) throw refuse('it does not have its lines')
  const field = (index: number, name: string): string => {
    const line = lines[index] ?? ''
    if (!line.startsWith(`${name} `)) throw refuse(`line ${index + 1} is not "${name} …"`)
    return line.slice(name.length + 1)
  }
  const [instance, subject, embassy] = [field(1, 'instance'), field(2, 'subject'), field(3, 'embassy')]
  if (!NAME.test(instance) || !NAME.test(subject) || !IDENTIFIER.test(embassy)) throw refuse('a name is none')
  const [from, to, ...more] = field(4, 'mode')
    .split(' ')
    .map((name) => MODES.find((mode) => mode === name))
  if (from === undefined || to === undefined || more.length > 0 || !CHANGES[from].includes(to))
    throw refuse('there is no such change of mode')
  const [before = -1, after = -1] = field(5, 'epoch').split(' ').map(decimal)
  if (after !== before + 1) throw refuse('an epoch is followed by the next one')
  const decree: Decree = {
    ...{ instance, subject, embassy, from, to },
    epoch: [before, after],
    ...predecessorOf(field(6, 'predecessor')),
    keys: decimal(field(7, 'keys')),
    notBefore: time(field(8, 'not-before')),
    notAfter: time(field(9, 'not-after')),
    nonce: field(10, 'nonce'),
  }
  if (!(decree.notBefore < decree.notAfter)) throw refuse('it ends before it begins')
  if (!/^[0-9a-f]{32}$/.test(decree.nonce)) throw refuse('its nonce is not 16 octets')
  if ((decree.subject === CENTRE) !== (decree.predecessor === undefined))
    throw refuse('a register has a predecessor, the centre has none')
  // One text, one meaning: whatever was read in a second way of writing it is refused.
  if (write(decree) !== text) throw refuse('it is not written as a decree is')
  return decree
}

/**
 * The decree of a note that counts: signed by enough holders of these keys, and in force where `now` is given. Throws `malformed_decree`, `unsigned_decree` (with who signed),
 * `stale_decree`.
 */
export function openDecree(
  bytes: Uint8Array,
  keys: DecreeKeys,
  now?: Date,
): { decree: Decree; signers: readonly string[] } {
  const note = readNote(bytes)
  const decree = parseDecree(note.text)
  const signers = signersOf(note, keys)
  if (decree.keys !== keys.version)
    throw new ContinuityError('unsigned_decree', `The decree is for key set ${decree.keys}, this is ${keys.version}`)
  if (signers.length < keys.threshold)
    throw new ContinuityError(
      'unsigned_decree',
      `${signers.length} of ${keys.threshold} needed signatures: ${signers.join(', ') || 'nobody'}`,
    )
  if (now !== undefined && (now < decree.notBefore || now > decree.notAfter))
    throw new ContinuityError(
      'stale_decree',
      `The decree is in force from ${timeText(decree.notBefore)} to ${timeText(decree.notAfter)}`,
    )
  return { decree, signers }
}

/** Which holders signed, each once whatever keys they have. */
function signersOf(note: Note, keys: DecreeKeys): readonly string[] {
  try {
    return [...new Set(openNote(note, keys.verifiers).map(({ name }) => name))]
  } catch (cause) {
    throw new ContinuityError('unsigned_decree', `The decree is not signed: ${(cause as Error).message}`, { cause })
  }
}

function readNote(bytes: Uint8Array): Note {
  try {
    return parseNote(bytes)
  } catch (cause) {
    throw new ContinuityError('malformed_decree', `The decree is no note: ${(cause as Error).message}`, { cause })
  }
}

function predecessorOf(text: string): Pick<Decree, 'predecessor'> {
  if (text === '-') return {}
  const [, origin = '', size = '', root = ''] = PREDECESSOR.exec(text) ?? []
  if (origin === '') throw refuse('its predecessor is no head of a log')
  return { predecessor: { origin, size: decimal(size), root } }
}

function decimal(text: string): number {
  const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw refuse(`${text} is no number`)
  return value
}

function time(text: string): Date {
  const at = new Date(TIME.test(text) ? text : Number.NaN)
  if (Number.isNaN(at.getTime())) throw refuse(`${text} is no time`)
  return at
}

/** To the second, in UTC. */
function timeText(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}
