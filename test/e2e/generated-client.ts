// What a developer does with a generator of clients: it writes TypeScript from an OpenAPI document, tsc compiles it together with a program
// that uses it, Node runs what comes out. Nothing of ours is in there but the address and the header in the environment.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { tool } from '../tools.ts'

/** Everything that the description promises: operations, their types, errors with their status. */
const PROGRAM = `import { ApiError, DefaultService, OpenAPI, type Person, type Update } from './client'

OpenAPI.BASE = process.env.SERVICE ?? ''
OpenAPI.HEADERS = { 'X-Road-Client': process.env.CLIENT ?? '' }

async function main(): Promise<void> {
  const found = await DefaultService.searchPersons('tamm', 1984)
  const person: Person = await DefaultService.getPerson(process.env.PERSON ?? '')
  const { givenName, surname, address } = person
  const update: Update = { givenName, surname, address }
  const updated: Person = await DefaultService.updatePerson(person.personalCode, update)
  const nobody = await DefaultService.getPerson('47101010033').then(
    () => undefined,
    (error: unknown) => (error instanceof ApiError ? error.status : error),
  )
  console.log(JSON.stringify({ total: found.total, surname, updated: updated.surname, nobody }))
}

void main()
`

/**
 * Generates, compiles strictly, runs.
 *
 * @param openapi The document as the exchange gave it.
 * @param folder Must not exist yet.
 * @param environment SERVICE, CLIENT and PERSON.
 * @returns What the program printed.
 */
export async function runGenerated(openapi: string, folder: string, environment: Record<string, string>) {
  const source = join(folder, 'source')
  mkdirSync(source, { recursive: true })
  const input = join(folder, 'openapi.yaml')
  writeFileSync(input, openapi)
  const { generate } = await import('openapi-typescript-codegen')
  await generate({ input, output: join(source, 'client'), httpClient: 'fetch' })
  writeFileSync(join(source, 'program.ts'), PROGRAM)
  // The generator leaves out the endings of modules, as bundlers and CommonJS have them.
  const compilerOptions = {
    module: 'CommonJS',
    moduleResolution: 'Bundler',
    target: 'ES2023',
    lib: ['ES2023', 'DOM', 'DOM.Iterable'],
    types: ['node'],
    typeRoots: [resolve(import.meta.dirname, '../../node_modules/@types')],
    strict: true,
    skipLibCheck: true,
    rootDir: source,
    outDir: join(folder, 'out'),
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['source'] }))
  const compiler = resolve(import.meta.dirname, '../../node_modules/typescript/bin/tsc')
  const compiled = tool(process.execPath, [compiler, '--project', folder])
  assert.equal(compiled.status, 0, compiled.stdout)
  const named = Object.entries(environment).map(([name, value]) => `${name}=${value}`)
  const ran = tool('env', [...named, process.execPath, join(folder, 'out/program.js')])
  assert.equal(ran.status, 0, ran.stderr)
  return JSON.parse(ran.stdout) as Record<string, unknown>
}
