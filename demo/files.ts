// Each process's own configuration file, as an operator would write it. Written once: whoever edits one keeps the edit.
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { stringify } from 'yaml'
import { runtimeSocket, writeFileDurable } from '#host'
import { DemoError } from './error.ts'
import { COUNTRY, type Containers, INSTANCE, idOf, type Layout, layoutOf, PORTS, TRANSPARENCY_PORT } from './layout.ts'

/** Grows when a state made by an older Saadik can no longer be started. */
const FORMAT = 3

interface About {
  readonly format: number
  readonly instance: string
  readonly base: string
  readonly containers?: Containers
  /** Process name → its configuration file, relative to this folder: how `saadik --server NAME` finds it. */
  readonly processes: Readonly<Record<string, string>>
}

/** What the state in a folder says about itself; undefined when there is none. */
export function readAbout(directory: string): Layout | undefined {
  const { files } = layoutOf(directory, '')
  if (!existsSync(files.about)) return undefined
  const about = parseAbout(files.about)
  if (about?.format !== FORMAT) {
    throw new DemoError(
      'other_state',
      `the state in ${directory} is damaged or was made by another version of Saadik; remove it with: saadik demo reset --dir ${directory}`,
    )
  }
  return layoutOf(directory, about.base, about.containers)
}

function parseAbout(file: string): About | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as About
  } catch {
    return undefined
  }
}

/** Writes what is missing of the folders, PINs and configuration files. */
export async function writeFiles(layout: Layout): Promise<void> {
  const { servers, central, pki, population, land, files } = layout
  mkdirSync(layout.directory, { recursive: true, mode: 0o700 })
  // First: whatever is cut short after it is completed by the next start, and `reset` knows the folder for a demo's.
  await once(files.about, `${JSON.stringify(aboutOf(layout), null, 2)}\n`)
  const folders = [central.folder, pki.folder, ...servers.map(({ folder }) => folder)]
  const inside = folders.flatMap((folder) => ['data', 'run', 'signer'].map((name) => join(folder, name)))
  for (const folder of [files.logs, files.evidence, population.folder, land.folder, ...inside])
    mkdirSync(folder, { recursive: true, mode: 0o700 })

  await Promise.all([
    ...folders.map((folder) => signerFiles(layout, folder)),
    ...(['ca', 'ocsp', 'tsa'] as const).map((name) =>
      writeOnce(join(pki.folder, `${name}.yaml`), ...authority(layout, name)),
    ),
    writeOnce(
      join(central.folder, 'central-server.yaml'),
      'The central server: who is a member, published as signed configuration.',
      {
        directory: join(central.folder, 'data'),
        signer: door(layout, central.folder),
        listen: { host: central.host, port: central.port },
        address: `${central.host}:${central.port}`,
        intervalSeconds: 60,
        expireSeconds: 600,
      },
    ),
  ])
}

/** Verifier keys of a security server: of its log, and as a witness of others'. */
export interface NoteKeys {
  readonly log: string
  readonly witness: string
}

/** Each server's configuration file; it names the keys of the others, who witness its log as it does theirs. */
export async function writeServerFiles(layout: Layout, keys: ReadonlyMap<string, NoteKeys>): Promise<void> {
  const { servers, files, base } = layout
  // On loopback a connection comes from 127.0.0.1, whichever address it goes to.
  const network = base.startsWith('127.') ? '127.0.0.0/8' : `${base}.0/24`
  await Promise.all(
    servers.map(({ code, owner, host, folder }) => {
      const others = servers.filter((other) => other.code !== code)
      return writeOnce(join(folder, 'security-server.yaml'), `The security server of the ${owner.name}.`, {
        directory: join(folder, 'data'),
        server: `${idOf(owner)}/${code}`,
        anchor: files.anchor,
        signer: door(layout, folder),
        listen: { host, ...PORTS },
        transparency: {
          listen: { host, port: TRANSPARENCY_PORT, allow: [network] },
          witnesses: others.map((other) => ({
            url: `http://${other.host}:${TRANSPARENCY_PORT}/witness`,
            key: keys.get(other.code)?.witness,
          })),
        },
        witness: { logs: others.map((other) => ({ key: keys.get(other.code)?.log })) },
      })
    }),
  )
}

function aboutOf({ base, containers, servers }: Layout): About {
  return {
    format: FORMAT,
    instance: INSTANCE,
    base,
    ...(containers && { containers }),
    processes: {
      pki: 'pki/ca.yaml',
      'central-server': 'central-server/central-server.yaml',
      ...Object.fromEntries(servers.map(({ code }) => [code, `${code}/security-server.yaml`])),
    },
  }
}

/** Whether a folder can become a demo's: `reset` removes a demo whole, so it must not have anything else in it. */
export function isVacant(directory: string): boolean {
  return !existsSync(directory) || readdirSync(directory).every((name) => /^\.demo\.json\..*\.tmp$/.test(name))
}

/** The folders of the sockets and locks that the processes made outside of the state. */
export function runtimeFolders(layout: Layout): readonly string[] {
  const { directory, pki, central, servers } = layout
  const folders = [pki.folder, central.folder, ...servers.map(({ folder }) => folder)]
  const owners = [directory, ...folders.flatMap((folder) => [join(folder, 'signer'), join(folder, 'data')])]
  return owners.map((owner) => dirname(runtimeSocket(owner, 'any')))
}

async function signerFiles(layout: Layout, folder: string): Promise<void> {
  const { config, directory, socket, tokenFile, pinFile } = layout.signer(folder)
  if (!layout.containers) await once(pinFile, `${randomInt(10 ** 11, 10 ** 12)}\n`)
  await writeOnce(config, 'The signer: keeps the private keys.', {
    directory,
    pin: { file: pinFile },
    socket,
    tokenFile,
  })
}

/** What lets a process reach its signer. */
function door(layout: Layout, folder: string): { socket: string; tokenFile: string } {
  const { socket, tokenFile } = layout.signer(folder)
  return { socket, tokenFile }
}

function authority(layout: Layout, name: 'ca' | 'ocsp' | 'tsa'): [about: string, value: object] {
  const { host, folder, ca, ocsp } = layout.pki
  const common = {
    directory: join(folder, 'data'),
    signer: door(layout, folder),
    listen: { host, port: layout.pki[name] },
  }
  switch (name) {
    case 'ca':
      return [
        'The certificate authority: root and issuing CA.',
        {
          ...common,
          name: 'Demo',
          country: COUNTRY,
          publicUrl: `http://${host}:${ca}`,
          ocspUrl: `http://${host}:${ocsp}`,
        },
      ]
    case 'ocsp':
      return ['The OCSP responder: says whether a certificate is still good.', common]
    case 'tsa':
      return ['The time-stamping authority.', common]
  }
}

/** A YAML document with a comment above it; one that is there stays as it is. */
export function writeOnce(file: string, about: string, value: object): Promise<void> {
  return once(file, `# ${about}\n${stringify(value, { lineWidth: 0 })}`)
}

async function once(file: string, content: string): Promise<void> {
  if (!existsSync(file)) await writeFileDurable(file, content, 0o600)
}
