// Packages that are loaded by the first call that needs them, without making that call asynchronous.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(import.meta.url)

/**
 * What `import * as … from specifier` would give, the same instance. Resolved as an import: plain `require` would take the
 * CommonJS twin of a package and load everything a second time for those who import it.
 */
export function load<T>(specifier: string): T {
  return require(fileURLToPath(import.meta.resolve(specifier))) as T
}
