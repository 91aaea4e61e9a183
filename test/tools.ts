// Outside judges: openssl, xmlsec1, xmllint and friends. A test that needs one that is not installed skips, and says so.
import { spawnSync } from 'node:child_process'
import type { TestContext } from 'node:test'

const found = new Map<string, boolean>()

/** Whether a program is on the PATH. */
export function hasTool(name: string): boolean {
  let there = found.get(name)
  if (there === undefined) {
    there = spawnSync('sh', ['-c', `command -v ${name}`]).status === 0
    found.set(name, there)
  }
  return there
}

/** Skips the test, loudly, where one of the programs is missing; true when all are there. */
export function needsTools(t: TestContext, ...names: readonly string[]): boolean {
  const missing = names.filter((name) => !hasTool(name))
  if (missing.length === 0) return true
  t.skip(`SKIPPED, NOT PROVED: ${missing.join(', ')} not installed (.ci/run says which packages have them)`)
  return false
}

export interface ToolResult {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a judge to its end; never throws for a verdict. */
export function tool(
  name: string,
  args: readonly string[],
  options: { cwd?: string; input?: Uint8Array | string } = {},
): ToolResult {
  const run = spawnSync(name, args, { ...options, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return { status: run.status ?? -1, stdout: run.stdout, stderr: run.stderr }
}
