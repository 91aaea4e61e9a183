// Whose archives are encrypted to which keys: the file of X-Road's `archive-encryption-keys-config` (wire-message §8.3), read strictly.
// The reference passes over a line that it cannot read, and that member's archives then go to the default key.
import { ArchiveError } from '../error.ts'

const MAX_LINES = 100_000
/** An equals sign that no backslash takes away. */
const SEPARATOR = /\s*(?<!\\)=\s*/

/**
 * `INSTANCE/CLASS/CODE = recipient`, one a line, a member as often as it has recipients. `#` begins a line that is a comment; in an
 * identifier `\=` and `\#` stand for what follows the backslash.
 *
 * @returns recipients by member
 * @throws {ArchiveError} `member_keys_invalid` with every line that is wrong
 */
export function readMemberKeys(text: string, file: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/)
  if (lines.length > MAX_LINES) throw invalid(file, [`more than ${MAX_LINES} lines`])
  const keys = new Map<string, string[]>()
  const faults: string[] = []
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || /^\s*#/.test(line)) continue
    const at = SEPARATOR.exec(line)
    const member = line.slice(0, at?.index).trim().replaceAll('\\=', '=').replaceAll('\\#', '#')
    const key = at === null ? '' : line.slice(at.index + at[0].length).trim()
    if (key === '' || !/^[^/]+\/[^/]+\/[^/]+$/.test(member))
      faults.push(`line ${index + 1} is not INSTANCE/CLASS/CODE = recipient`)
    else if (!keys.get(member)?.includes(key)) keys.set(member, [...(keys.get(member) ?? []), key])
  }
  if (faults.length > 0) throw invalid(file, faults)
  return keys
}

function invalid(file: string, faults: readonly string[]): ArchiveError {
  const shown = faults.slice(0, 20).join('; ')
  return new ArchiveError('member_keys_invalid', `${file}: ${shown}`)
}
