// The product's own version. (What peers see in `x-proxy-version` is the wire protocol's: security-server/exchange/version.ts.)
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Of package.json, which lies one floor up in a checkout and two in the published package. */
export function productVersion(): string {
  for (const up of ['../..', '..']) {
    const file = join(import.meta.dirname, up, 'package.json')
    if (!existsSync(file)) continue
    const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
    if (name === 'saadik' && version !== undefined) return version
  }
  return 'unknown'
}
