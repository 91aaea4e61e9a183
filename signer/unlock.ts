// Wrong PINs and how long they make everyone wait. The count is on the disk before the PIN is tried, so that neither a kill nor a
// restart gives a guess for free.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { type Clock, turnstile, writeFileDurable } from '#host'
import { SignerError } from './error.ts'
import type { Token } from './tokens/token.ts'

/** So many wrong PINs cost nothing: people mistype. From then on the pause doubles, from 2 s to 15 minutes. */
const FREE = 3
const LONGEST_MS = 15 * 60_000

const schema = z.strictObject({ failures: z.int().min(0), blockedUntil: z.int().min(0) })
type Attempts = z.infer<typeof schema>

export interface Unlocker {
  /** @throws {SignerError} `pin_incorrect`, `pin_blocked`, `pin_unsuitable` */
  unlock(pin: Uint8Array): Promise<void>
  /** The old PIN is a guess like any other. @throws {SignerError} as `unlock` */
  changePin(pin: Uint8Array, newPin: Uint8Array): Promise<void>
}

/** The file belongs to whoever owns the key folder: deleting it gives more guesses, which scrypt still makes slow. */
export function unlocker(directory: string, token: Token, clock: Clock): Unlocker {
  const file = join(directory, 'pin-attempts.json')
  const takeTurns = turnstile()

  async function attempt(guess: () => Promise<void>): Promise<void> {
    const before = await readAttempts(file)
    const now = clock.now().getTime()
    // A clock that was set back must not block for years: no pause is longer than the longest.
    const wait = Math.min(before.blockedUntil - now, LONGEST_MS)
    if (wait > 0)
      throw new SignerError('pin_blocked', `${before.failures} wrong PINs: wait ${Math.ceil(wait / 1000)} s`)
    const failures = before.failures + 1
    const pause = failures < FREE ? 0 : Math.min(2 ** (failures - FREE + 1) * 1000, LONGEST_MS)
    await write(file, { failures, blockedUntil: now + pause })
    try {
      await guess()
    } catch (error) {
      // A PIN that cannot be one was not a guess.
      if (error instanceof SignerError && error.code === 'pin_incorrect') throw error
      await write(file, before)
      throw error
    }
    await write(file, { failures: 0, blockedUntil: 0 })
  }

  // One after another: two guesses at once would be counted as one.
  return {
    unlock: (pin) => takeTurns(() => attempt(() => token.unlock(pin))),
    changePin: (pin, newPin) => takeTurns(() => attempt(() => token.changePin(pin, newPin))),
  }
}

async function readAttempts(file: string): Promise<Attempts> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { failures: 0, blockedUntil: 0 }
    // Unreadable counts as many: emptying the file must not be the way around it.
    return { failures: FREE, blockedUntil: 0 }
  }
}

function write(file: string, attempts: Attempts): Promise<void> {
  return writeFileDurable(file, JSON.stringify(attempts), 0o600)
}
