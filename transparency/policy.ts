// Trust policies (C2SP tlog-policy): which logs, which witnesses, and how many of those must have cosigned. An auditor's own file.
import { TransparencyError } from './error.ts'
import { formatVerifierKey, type KeyType, parseVerifierKey, type VerifierKey } from './key.ts'
import { parseDecimal } from './numbers.ts'
import { decodeText } from './text.ts'

export interface PolicyLog {
  /** Its name is the log's origin. */
  readonly key: VerifierKey
  readonly url?: string
}

export interface PolicyWitness {
  /** Within the policy only; the witness is known by its key. */
  readonly name: string
  readonly key: VerifierKey
  readonly url?: string
}

/** Has cosigned where `threshold` of its members have. */
export interface PolicyGroup {
  readonly name: string
  readonly threshold: number
  /** Witnesses and groups that stand before it. */
  readonly members: readonly string[]
}

export interface Policy {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  /** A witness or a group; {@link NO_QUORUM} asks for nobody. */
  readonly quorum: string
}

export const NO_QUORUM = 'none'

/** Lines of each kind; the specification wants 32 at least. */
const MAXIMUM_OF_A_KIND = 256
export const MAXIMUM_POLICY_BYTES = 1024 * 1024

const refuse = (why: string) => new TransparencyError('malformed_policy', `The policy is malformed: ${why}`)

/** Reads a policy file. Names and URLs must be UTF-8, which the specification recommends; comments need not. Throws `malformed_policy`. */
export function parsePolicy(bytes: Uint8Array): Policy {
  if (bytes.length > MAXIMUM_POLICY_BYTES) throw refuse(`${bytes.length} octets are more than ${MAXIMUM_POLICY_BYTES}`)
  const text = Buffer.from(bytes).toString('latin1')
  if (!/^[\t\n\x20-\x7e\x80-\xff]*$/.test(text)) throw refuse('it has control characters')
  // A file that was cut off could end in a name that is another's beginning.
  if (text !== '' && !text.endsWith('\n')) throw refuse('the last line does not end')
  const builder = new PolicyBuilder()
  for (const [index, line] of text.split('\n').entries()) {
    const words = line.split(/[ \t]+/).filter((word) => word !== '')
    if (words.length === 0 || words[0]?.startsWith('#')) continue
    try {
      builder.add(
        words.map((word) => decodeText(Buffer.from(word, 'latin1'), MAXIMUM_POLICY_BYTES, 'malformed_policy')),
      )
    } catch (error) {
      if (!(error instanceof TransparencyError)) throw error
      throw new TransparencyError('malformed_policy', `Line ${index + 1}: ${error.message}`, { cause: error })
    }
  }
  return builder.policy()
}

/** The policy as a file, which {@link parsePolicy} reads; a policy that it would refuse is refused. Throws `malformed_policy`. */
export function formatPolicy({ logs, witnesses, groups, quorum }: Policy): Buffer {
  const line = (...words: readonly (string | undefined)[]) =>
    `${words.filter((word) => word !== undefined).join(' ')}\n`
  const text = [
    ...logs.map(({ key, url }) => line('log', formatVerifierKey(key), url)),
    ...witnesses.map(({ name, key, url }) => line('witness', name, formatVerifierKey(key), url)),
    ...groups.map(({ name, threshold, members }) => line('group', name, `${threshold}`, ...members)),
    line('quorum', quorum),
  ].join('')
  const bytes = Buffer.from(text)
  parsePolicy(bytes)
  return bytes
}

/** The simplest policy: `threshold` of the witnesses, none for 0. Throws `malformed_policy`, also where there are not so many. */
export function quorumPolicy(
  logs: readonly PolicyLog[],
  witnesses: readonly PolicyWitness[],
  threshold: number,
): Policy {
  const members = witnesses.map(({ name }) => name)
  let name = 'quorum'
  while (members.includes(name)) name += '_'
  const policy =
    threshold === 0
      ? { logs, witnesses, groups: [], quorum: NO_QUORUM }
      : { logs, witnesses, groups: [{ name, threshold, members }], quorum: name }
  return parsePolicy(formatPolicy(policy))
}

/** Line by line; what a line names stands before it. */
class PolicyBuilder {
  readonly #logs: PolicyLog[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #groups: PolicyGroup[] = []
  #quorum: string | undefined
  /** Witnesses and groups; true for those that are a member already. */
  readonly #names = new Map<string, boolean>()
  readonly #keys = new Set<string>()

  add([kind, ...rest]: readonly string[]): void {
    const [first = '', second = '', third, ...more] = rest
    if (kind === 'log' && (rest.length === 1 || rest.length === 2)) {
      const key = this.#key(first, ['note', 'cosignature', 'subtree'])
      this.#logs.push({ key, ...(rest.length === 2 ? { url: second } : {}) })
    } else if (kind === 'witness' && (rest.length === 2 || rest.length === 3)) {
      this.#define(first)
      const key = this.#key(second, ['cosignature', 'subtree'])
      this.#witnesses.push({ name: first, key, ...(third === undefined ? {} : { url: third }) })
    } else if (kind === 'group' && third !== undefined) this.#group(first, second, [third, ...more])
    else if (kind === 'quorum' && rest.length === 1) {
      if (this.#quorum !== undefined) throw refuse('it has two quorums')
      if (first !== NO_QUORUM && !this.#names.has(first)) throw refuse(`${first} is not defined before the quorum`)
      this.#quorum = first
    } else throw refuse('the line is not one of a policy')
    for (const { length } of [this.#logs, this.#witnesses, this.#groups])
      if (length > MAXIMUM_OF_A_KIND) throw refuse(`it has more than ${MAXIMUM_OF_A_KIND} lines of a kind`)
  }

  policy(): Policy {
    if (this.#quorum === undefined) throw refuse('it has no quorum')
    return { logs: this.#logs, witnesses: this.#witnesses, groups: this.#groups, quorum: this.#quorum }
  }

  #group(name: string, rule: string, members: readonly string[]): void {
    const threshold = rule === 'any' ? 1 : rule === 'all' ? members.length : parseDecimal(rule)
    if (threshold === undefined || threshold < 1 || threshold > members.length)
      throw refuse(`${rule} of ${members.length} is no threshold`)
    for (const member of members) {
      if (!this.#names.has(member)) throw refuse(`${member} is not defined before the group`)
      // Or one witness could count twice.
      if (this.#names.get(member)) throw refuse(`${member} is a member twice`)
      this.#names.set(member, true)
    }
    this.#define(name)
    this.#groups.push({ name, threshold, members })
  }

  #define(name: string): void {
    if (name === NO_QUORUM || this.#names.has(name)) throw refuse(`the name ${name} is taken`)
    this.#names.set(name, false)
  }

  /** One key, one part: not two witnesses, nor a log that is its own witness, whatever names they go by. */
  #key(text: string, types: readonly KeyType[]): VerifierKey {
    const key = parseVerifierKey(text)
    if (!types.includes(key.type)) throw refuse(`a key of type ${key.type} does not serve here`)
    const octets = Buffer.from(key.publicKey).toString('hex')
    if (this.#keys.has(octets)) throw refuse(`the key of ${key.name} is in it twice`)
    this.#keys.add(octets)
    return key
  }
}
