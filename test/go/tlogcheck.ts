// Asks Go's golang.org/x/mod/sumdb about our logs (tlogcheck/main.go). Where the package is not under $GOPATH, it is looked for where Debian's
// golang-golang-x-mod-dev puts it.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { needsTools, tool } from '../tools.ts'

const GO_PATH = [process.env['GOPATH'], '/usr/share/gocode']
  .flatMap((path) => path?.split(':') ?? [])
  .find((path) => existsSync(join(path, 'src', 'golang.org', 'x', 'mod', 'sumdb', 'tlog')))
export interface Answer {
  readonly error?: string
  readonly signers?: readonly string[]
  readonly size?: number
  readonly inclusion?: readonly (readonly string[])[]
  readonly consistency?: readonly (readonly string[])[]
  readonly oldRoots?: readonly string[]
}

let judge = ''
/** Asks Go, all at once; the program is built for the first question. */
export function ask(requests: readonly object[]): Answer[] {
  if (judge === '') {
    const folder = mkdtempSync(join(tmpdir(), 'saadik-tlogcheck-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    const built = join(folder, 'tlogcheck')
    const program = join(import.meta.dirname, 'tlogcheck', 'main.go')
    const environment = ['GO111MODULE=off', `GOPATH=${GO_PATH}`, 'GOFLAGS=', 'CGO_ENABLED=0']
    const { status, stderr } = tool('env', [...environment, 'go', 'build', '-o', built, program])
    assert.equal(status, 0, stderr)
    judge = built
  }
  const { status, stdout, stderr } = tool(judge, [], {
    input: requests.map((each) => `${JSON.stringify(each)}\n`).join(''),
  })
  assert.equal(status, 0, stderr)
  const answers = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer)
  assert.equal(answers.length, requests.length)
  return answers
}

/** Whether Go can be asked. */
export function hasGo(t: TestContext): boolean {
  if (!needsTools(t, 'go')) return false
  if (GO_PATH !== undefined) return true
  t.skip('SKIPPED, NOT PROVED: golang.org/x/mod/sumdb is not installed (apt-get install golang-golang-x-mod-dev)')
  return false
}
