// `npm run prepack`: writes dist/, the JavaScript that the published package runs. Node strips types everywhere but under
// node_modules, so a checkout needs no build and the package does. tsc does the work; this file adds what tsc does not:
// the doors of package.json#imports for dist/, the files beside the sources, and declarations for the rooms that others import.
import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const { values } = parseArgs({ options: { out: { type: 'string', default: join(root, 'dist') } } })
const out = resolve(values.out)

const { imports, exports, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  imports: Record<string, string>
  exports: Record<string, string | { readonly types: string }>
  version: string
}
/** Sources of what other people's programs import; declarations of what these name come with them. */
const exported = Object.values(exports).flatMap((entry) =>
  typeof entry === 'string' ? [] : [relative('dist', entry.types).replace(/\.d\.ts$/, '.ts')],
)
const OUTSIDE = ['bench', 'bin', 'dist', 'docs', 'node_modules', 'test']
const rooms = globSync('*/', { cwd: root }).filter(
  (name) =>
    !name.startsWith('.') && !OUTSIDE.includes(name) && globSync('**/*.ts', { cwd: join(root, name) }).length > 0,
)
const sources = rooms.flatMap((room) => globSync(`${room}/**/*.ts`, { cwd: root })).sort()

rmSync(out, { recursive: true, force: true })
mkdirSync(out, { recursive: true })

compile('emit', sources, {})
compile('declarations', exported, { declaration: true, emitDeclarationOnly: true })
openDoors()
copyAssets()
checkSpecifiers()
console.log(`${relative('', out) || out}: ${sources.length} modules of ${rooms.length} rooms`)

/** One project over some files only; everything else as tsconfig.json says. */
function compile(name: string, files: readonly string[], options: object): void {
  const project = join(out, `tsconfig.${name}.json`)
  writeFileSync(
    project,
    JSON.stringify({
      extends: join(root, 'tsconfig.json'),
      compilerOptions: {
        noEmit: false,
        rewriteRelativeImportExtensions: true,
        rootDir: root,
        outDir: out,
        removeComments: false,
        typeRoots: [join(root, 'node_modules/@types')],
        ...options,
      },
      files: files.map((file) => join(root, file)),
      exclude: [],
    }),
  )
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const { status } = spawnSync(process.execPath, [tsc, '--project', project], { cwd: root, stdio: 'inherit' })
  rmSync(project)
  if (status !== 0) throw new Error(`tsc ended with ${status}; nothing that does not compile is packed`)
}

/** The nearest package.json decides what `#trust` is: under dist/ this one, with the same doors on the built files. */
function openDoors(): void {
  const doors = Object.fromEntries(Object.entries(imports).map(([door, file]) => [door, file.replace(/\.ts$/, '.js')]))
  writeFileSync(
    join(out, 'package.json'),
    `${JSON.stringify({ name: 'saadik-dist', version, private: true, type: 'module', imports: doors }, null, 2)}\n`,
  )
}

/** What a room reads at run time besides its modules: descriptions, schemas. */
function copyAssets(): void {
  for (const room of rooms) {
    for (const file of globSync(`${room}/**/*.{yaml,yml,json,wsdl,xsd,sql,html,css,svg}`, { cwd: root })) {
      mkdirSync(dirname(join(out, file)), { recursive: true })
      cpSync(join(root, file), join(out, file))
    }
  }
}

/** A `.ts` that is still named in the output would be looked for, and not found, on somebody else's machine. */
function checkSpecifiers(): void {
  const left = globSync('**/*.js', { cwd: out }).flatMap((file) =>
    readFileSync(join(out, file), 'utf8')
      .split('\n')
      .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line) && /['"`][^'"`\s]*\.ts['"`]/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  )
  if (left.length > 0)
    throw new Error(
      `TypeScript files are named in the built package (use extname(import.meta.filename)):\n${left.join('\n')}`,
    )
}
