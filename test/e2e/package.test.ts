// What is published: the packed package, put where somebody else would install it, run by the Node that they have.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve, sep } from 'node:path'
import test, { after, before } from 'node:test'
import { needsVectors, vectorPath } from '../vectors.ts'
import { demoFolder, freeBase, processesOf, startDemo } from './running-demo.ts'

const root = resolve(import.meta.dirname, '../..')
const elsewhere = mkdtempSync(join(tmpdir(), 'saadik-package-'))
const installed = join(elsewhere, 'node_modules', 'saadik')
after(() => rmSync(elsewhere, { recursive: true, force: true }))

/** The Node of the machine, not the pinned one that `npm test` puts first on the PATH; often an older one. */
const theirPath = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !folder.includes('node_modules'))
  .join(delimiter)

function run(command: string, args: readonly string[], cwd: string) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: theirPath,
      npm_config_offline: 'true',
      npm_config_update_notifier: 'false',
      npm_lifecycle_event: undefined,
    },
  })
  return { status, stdout, stderr: stderr ?? String(error) }
}

const npx = (...args: readonly string[]) => run('npx', ['--no-install', 'saadik', ...args], elsewhere)

before(() => {
  // `npm pack` runs prepack, which writes dist/; into a folder of our own, so that a running `npm pack` elsewhere is not disturbed.
  const packed = run('npm', ['pack', '--pack-destination', elsewhere], root)
  assert.equal(packed.status, 0, packed.stderr)
  const tarball = readdirSync(elsewhere).find((name) => name.endsWith('.tgz'))
  assert.ok(tarball)
  mkdirSync(installed, { recursive: true })
  assert.equal(
    run('tar', ['-xzf', join(elsewhere, tarball), '--strip-components=1', '-C', installed], elsewhere).status,
    0,
  )
  // Instead of a download: the package's own dependencies, as they are installed here. What is not among them is not there.
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>
  }
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    if (dev || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) || !existsSync(join(root, path))) continue
    mkdirSync(resolve(elsewhere, path, '..'), { recursive: true })
    symlinkSync(join(root, path), join(elsewhere, path))
  }
  mkdirSync(join(elsewhere, 'node_modules', '.bin'), { recursive: true })
  symlinkSync(join('..', 'saadik', 'bin', 'saadik.js'), join(elsewhere, 'node_modules', '.bin', 'saadik'))
})

test('the package holds the built rooms and no source, test or state', () => {
  const names = readdirSync(installed).sort()
  assert.ok(names.includes('dist') && names.includes('bin') && names.includes('README.md') && names.includes('LICENSE'))
  for (const name of ['cli', 'test', 'bench', 'node_modules', '.saadik']) assert.ok(!names.includes(name), name)
  assert.ok(existsSync(join(installed, 'dist/demo/population-register/openapi.yaml')))
})

test('help and version run', () => {
  const help = npx('--help')
  assert.equal(help.status, 0, help.stderr)
  assert.match(help.stdout, /verify +Verify evidence/)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  assert.equal(npx('--version').stdout.trim(), version)
})

test('saadik/client is there for an ESM program, with types, and without anything else of the package', async (t) => {
  const folder = join(elsewhere, 'program')
  mkdirSync(join(folder, 'node_modules'), { recursive: true })
  // Not even the package's own dependencies: it needs none.
  symlinkSync(installed, join(folder, 'node_modules', 'saadik'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const program = `
import { createClient, XRoadError } from 'saadik/client'
const persons = createClient({ securityServer: process.argv[2] ?? '', client: 'A/B/C/D' }).service('A/B/C/D/E')
const reason = await persons.fetch('/x').catch((error) => (error instanceof XRoadError ? error.reason : String(error)))
const size = typeof reason === 'string' ? reason.length : reason.status
console.log(reason, size)
`
  writeFileSync(join(folder, 'program.mjs'), program.replaceAll(" ?? ''", ''))
  writeFileSync(
    join(folder, 'right.ts'),
    program
      .replace('(error)', '(error: unknown)')
      .replace('console.log(reason, size)', 'const typed: number = size\nexport { typed }'),
  )
  writeFileSync(join(folder, 'wrong.ts'), `import { createClient } from 'saadik/client'\ncreateClient({ client: 7 })\n`)
  const options = {
    module: 'NodeNext',
    target: 'ES2023',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    strict: true,
    noEmit: true,
    skipLibCheck: false,
    types: [],
  }
  for (const name of ['right', 'wrong'] as const) {
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: [`${name}.ts`, 'node.d.ts'] }),
    )
    writeFileSync(join(folder, 'node.d.ts'), 'declare const process: { argv: string[] }\n')
    const tsc = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
    assert.equal(tsc.status === 0, name === 'right', tsc.stdout)
  }
  const refusal = createServer((_, response) => {
    response.writeHead(500, { 'X-Road-Error': 'server.serverproxy.access_denied', 'Content-Type': 'application/json' })
    response.end('{"type":"server.serverproxy.access_denied","message":"no","detail":"1"}')
  })
  await new Promise<void>((done) => refusal.listen(0, '127.0.0.1', done))
  t.after(() => refusal.close())
  const { port } = refusal.address() as AddressInfo
  const child = spawn('node', ['program.mjs', `http://127.0.0.1:${port}`], {
    cwd: folder,
    env: { ...process.env, PATH: theirPath },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  assert.equal((await child.stdout.setEncoding('utf8').toArray()).join(''), 'access_denied 13\n')
})

test('saadik/verify is there for a program, with types, and runs on what it needs and nothing else', async (t) => {
  if (!needsVectors(t)) return
  const folder = join(elsewhere, 'auditor')
  mkdirSync(join(folder, 'node_modules', '@types'), { recursive: true })
  const link = (...names: readonly string[]) =>
    symlinkSync(join(root, 'node_modules', ...names), join(folder, 'node_modules', ...names))
  symlinkSync(installed, join(folder, 'node_modules', 'saadik'))
  for (const name of ['saxes', 'xmlchars', 'zod', 'undici-types']) link(name)
  link('@types', 'node')
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const [, example = ''] = /```js\n(.*?)```/s.exec(readFileSync(join(root, 'docs/verification.md'), 'utf8')) ?? []
  writeFileSync(join(folder, 'program.mjs'), example)
  writeFileSync(join(folder, 'right.ts'), example)
  writeFileSync(join(folder, 'wrong.ts'), `import { Trust } from 'saadik/verify'\nnew Trust({ pinned: [7] })\n`)
  const options = { module: 'NodeNext', target: 'ES2023', lib: ['ES2023'], strict: true, noEmit: true, types: ['node'] }
  for (const name of ['right', 'wrong'] as const) {
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: { ...options, preserveSymlinks: true }, files: [`${name}.ts`] }),
    )
    const tsc = run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], folder)
    assert.equal(tsc.status === 0, name === 'right', tsc.stdout)
  }
  // Without the links followed, it finds what lies in this folder alone.
  const audit = (list: object, ...names: readonly string[]) => {
    writeFileSync(join(folder, 'list.json'), JSON.stringify({ format: 'saadik pinned trust 1', ...list }))
    const args = ['--preserve-symlinks', '--preserve-symlinks-main', 'program.mjs', 'list.json', vectorPath(...names)]
    return run('node', args, folder)
  }
  const list = pinnedFrom(
    readFileSync(vectorPath('globalconf', 'globalconf_good2_v3', 'DEV', 'shared-params.xml'), 'utf8'),
  )
  const valid = audit(list, 'asic', 'valid-signed-message.asice')
  assert.equal(valid.status, 0, valid.stderr)
  assert.match(valid.stdout, /DEV\/COM\/4321\/TestClient 2024-12-05T13:16:35.000Z\ncontainer of 1: valid\n$/)
  const invalid = audit(list, 'asic', 'invalid-digest.asice')
  assert.equal(invalid.status, 1)
  assert.match(invalid.stdout, /failed: digest of #signed-properties invalid_signature_value/)
  const archive = audit(list, 'archive', 'message-archive-0.zip')
  assert.match(archive.stdout, /archive of 1: indeterminate/)
})

/** The authorities of a shared-params.xml as a pinned list; what stands in it is base64 of PEM. */
function pinnedFrom(xml: string): object {
  const certificates = (element: string) =>
    [...xml.matchAll(new RegExp(`<${element}>.*?</${element}>`, 'gs'))].map(([text]) =>
      [...text.matchAll(/<cert>([^<]+)<\/cert>/g)].map(([, body = '']) => Buffer.from(body, 'base64').toString()),
    )
  return {
    authorities: certificates('approvedCA').map(([certificate = '', ...responders]) => ({
      ...{ instance: 'DEV', certificate, responders },
      profile: /<certificateProfileInfo>([^<]+)</.exec(xml)?.[1] ?? '',
    })),
    timestampAuthorities: certificates('approvedTSA').map(([certificate = '']) => ({ certificate })),
  }
}

test('verify judges somebody else’s evidence', (t) => {
  if (!needsVectors(t)) return
  const conf = vectorPath('globalconf', 'globalconf_good2_v3')
  const valid = npx('verify', '--conf', conf, '--json', vectorPath('asic', 'valid-signed-message.asice'))
  assert.equal(valid.status, 0, valid.stdout + valid.stderr)
  assert.equal((JSON.parse(valid.stdout) as { files: { verdict: string }[] }).files[0]?.verdict, 'valid')
  assert.equal(npx('verify', '--conf', conf, vectorPath('asic', 'invalid-digest.asice')).status, 1)
  assert.equal(npx('verify', '--conf', conf, join(elsewhere, 'nothing.asice')).status, 2)
})

test('the whole demo runs from the package', async (t) => {
  if (process.platform !== 'linux') return t.skip('only Linux has all of 127.0.0.0/8')
  const { directory, remove } = demoFolder()
  t.after(remove)
  const running = await startDemo(directory, await freeBase(), [
    process.execPath,
    join(installed, 'bin', 'saadik.js'),
    'demo',
    'up',
  ])
  assert.match(running.output(), /VALID .*TOTAL-PASSED/)
  assert.ok(processesOf(directory).every(({ command }) => !/\.ts /.test(command)))
  running.fromTerminal('SIGINT')
  assert.equal(await running.ended(), 130)
})

test('every door of the package opens', () => {
  const { imports } = JSON.parse(readFileSync(join(installed, 'dist/package.json'), 'utf8')) as {
    imports: Record<string, string>
  }
  for (const file of Object.values(imports)) assert.ok(existsSync(join(installed, 'dist', file)), file)
  assert.deepEqual(
    [...new Set(globSync('dist/**/*.d.ts', { cwd: installed }).map((file) => file.split(sep)[1]))].sort(),
    ['client', 'evidence', 'protocol', 'transparency', 'trust', 'verification'],
    'only what others import, and what that is made of, has declarations',
  )
})
