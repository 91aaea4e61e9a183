// Third-party vectors lie beside the checkout and are never copied into it. A test skips, loudly, where they are not.
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { TestContext } from 'node:test'

const root = resolve(import.meta.dirname, '..', '..', 'shared', 'vectors')

/** For what is done before any test of a file. */
export function haveVectors(): boolean {
  return existsSync(root)
}

/** True when the vectors are there; otherwise the test is skipped with a reason that stands out. */
export function needsVectors(t: TestContext): boolean {
  if (existsSync(root)) return true
  t.skip('SKIPPED, NOT PROVED: outside vectors (../shared/vectors) are not on this machine')
  return false
}

/** Absolute path of a vector. */
export function vectorPath(...parts: readonly string[]): string {
  return join(root, ...parts)
}

/** Bytes of a vector. */
export function vector(...parts: readonly string[]): Buffer {
  return readFileSync(vectorPath(...parts))
}
