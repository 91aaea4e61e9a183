// The whole country as processes: what is started, in which order, and what each waits for. The first start enrols on the way;
// a later one finds everything done and changes nothing.
import { join } from 'node:path'
import { type Child, type Program, startChild } from './child.ts'
import { applyFederation, ceremony, enrolServer, notesOf, type ServerCertificates, takeAnchor } from './enrolment.ts'
import { DemoError } from './error.ts'
import { writeServerFiles } from './files.ts'
import { type Layout, landArguments, PORTS, type RegisterLayout, type ServerLayout } from './layout.ts'
import { openServer } from './opening.ts'
import { count, type Progress } from './progress.ts'

export interface Country {
  /** Starts and enrols everything; resolves when a message can be sent. */
  start(): Promise<void>
  child(name: string): Child | undefined
  readonly children: readonly Child[]
  /** In reverse order of dependence: servers, authorities, signers. */
  stop(): Promise<void>
  kill(): void
}

export function country(layout: Layout, progress: Progress): Country {
  const { servers, central, pki, population, land, files } = layout
  const children = new Map<string, Child>()
  let stopping = false

  const run = async (program: Program): Promise<void> => {
    if (stopping) throw new DemoError('process_failed', 'the demo is being stopped')
    const child = startChild(program, files.logs, (what) => !stopping && progress.warn(what))
    children.set(program.name, child)
    await child.ready
  }
  const signer = (name: string, folder: string) =>
    run({ name: `${name} signer`, program: 'signer/main', args: ['--config', join(folder, 'signer.yaml')] })
  const authority = (name: 'ca' | 'ocsp' | 'tsa') =>
    run({ name, program: 'pki/main', args: [name, '--config', join(pki.folder, `${name}.yaml`)] })

  async function startAuthorities() {
    await signer('pki', pki.folder)
    const [certificates] = await Promise.all([
      authority('ca').then(() => ceremony(layout)),
      authority('ocsp'),
      authority('tsa'),
    ])
    const made =
      certificates.made.length > 0 ? `, ${count(certificates.made.length, 'certificate')} made in the ceremony` : ''
    progress.done('authorities', `CA, OCSP responder and time-stamping at ${pki.host}${made}`)
    return certificates
  }

  async function startCentralServer() {
    await signer('central-server', central.folder)
    await run({
      name: 'central-server',
      program: 'central-server/main',
      args: ['--config', join(central.folder, 'central-server.yaml')],
    })
  }

  async function startRegister(register: RegisterLayout, description: string, more: readonly string[] = []) {
    const { name, folder, host, port } = register
    const args = ['--directory', folder, '--host', host, '--port', String(port), ...more]
    await run({ name, program: `demo/${name}/main`, args })
    progress.done(name.replace('-', ' '), `http://${host}:${port}/${description}`)
  }

  async function startServer(server: ServerLayout) {
    await run({
      name: server.code,
      program: 'security-server/main',
      args: ['--config', join(server.folder, 'security-server.yaml')],
    })
    const changes = await openServer(layout, server)
    progress.done(
      `security server ${server.code}`,
      `${[server.owner, ...server.guests].map(({ name }) => name).join(' and ')}, http://${server.host}:${PORTS.client}${changes.length > 0 ? `, ${count(changes.length, 'change')} applied` : ''}`,
    )
  }

  return {
    child: (name) => children.get(name),
    get children() {
      return [...children.values()]
    },
    async start() {
      const authorities = startAuthorities()
      const centralServer = startCentralServer()
      const enrolled = servers.map(async (server): Promise<[string, ServerCertificates]> => {
        await signer(server.code, server.folder)
        return [server.code, await enrolServer(server, authorities, layout)]
      })
      const registered = Promise.all([
        startRegister(population, 'openapi.yaml'),
        startRegister(land, 'land.wsdl', landArguments(layout)),
      ])
      // Whatever fails first is what the person should read; the rest is being stopped then and must not be an unhandled rejection.
      const all = await Promise.all([Promise.all(enrolled), authorities, centralServer, registered])
      const certificates = new Map(all[0])
      const issued = [...certificates.values()].reduce((sum, each) => sum + each.issued.length, 0)
      progress.done(
        'keys and certificates',
        issued > 0
          ? `${count(issued, 'certificate')} issued, keys stay in ${servers.length} signers`
          : 'all there already',
      )
      const changes = await applyFederation(layout, all[1], certificates)
      await takeAnchor(layout)
      await writeServerFiles(layout, notesOf(certificates))
      progress.done(
        'central server',
        `http://${central.host}:${central.port}/internalconf, ${changes.length > 0 ? `${count(changes.length, 'change')} published` : 'nothing changed'}`,
      )
      await Promise.all(servers.map(startServer))
    },
    async stop() {
      stopping = true
      const named = (...names: readonly string[]) =>
        [...children.entries()].filter(([name]) => names.includes(name)).map(([, child]) => child.stop())
      await Promise.all(named(...servers.map(({ code }) => code)))
      await Promise.all(named(population.name, land.name, 'central-server', 'ocsp', 'tsa', 'ca'))
      await Promise.all([...children.values()].map((child) => child.stop()))
    },
    kill() {
      stopping = true
      for (const child of children.values()) child.kill()
    },
  }
}
