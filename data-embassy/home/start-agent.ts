// The agent at home, put together: an author and a source for each register, couriers to each embassy, gates before those that want one.
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { createClient } from '#client'
import { DecreeKeys, Recipients } from '#continuity'
import {
  closeHttp,
  type Lifecycle,
  type Log,
  listen,
  productVersion,
  runtimeSocket,
  serveControl,
  takeLock,
} from '#host'
import { connectSigner } from '#signer'
import { Author } from '../authoring/author.ts'
import { readManifest } from '../ceremony-file.ts'
import type { AgentConfig } from '../config.ts'
import { type AgentProcessStatus, agentPaths, type EraseAnswer, type SettledAnswer } from '../contract.ts'
import { EmbassyError } from '../error.ts'
import { gateServer } from '../gate.ts'
import { JournalSource } from '../register/journal.ts'
import { PostgresSource } from '../register/postgres/source.ts'
import type { Source } from '../register/source.ts'
import { originOf } from '../wire.ts'
import { Agent } from './agent.ts'
import { homeGate } from './home-gate.ts'

const CLOSE_MS = 2_000
const SETTLED_MS = 30_000

const eraseRequest = z.strictObject({
  relation: z.string().min(1).max(512),
  key: z.record(z.string().max(512), z.string().max(4096)),
  basis: z
    .string()
    .min(1)
    .max(512)
    .regex(/^[^\n]+$/),
})

export async function startAgent(config: AgentConfig, life: Lifecycle, log: Log): Promise<void> {
  const { directory, instance, embassies, takeover } = config
  // Otherwise a decree could be active without any of those that receipted: w + d > n.
  for (const { name, durability, receipts } of config.registers)
    if (durability === 'strict' && receipts + takeover <= embassies.length)
      throw new EmbassyError(
        'wrong_configuration',
        `${name}: ${receipts} receipts and ${takeover} records of a decree are not more than ${embassies.length} embassies`,
      )
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = takeLock(join(directory, 'lock'), `an agent with the state in ${directory}`)
  life.onStop('lock', () => lock.release())
  const manifest = await readManifest(config.ceremony.manifest, config.ceremony.keys, instance)
  const recipients = new Recipients([manifest.recipient])
  const { version: keysVersion, threshold, keys } = config.decrees
  const decreeKeys = new DecreeKeys(keysVersion, threshold, keys)
  const signer = await connectSigner({ ...config.signer, reconnect: true })
  life.onStop('signer', () => signer.close())
  const { url, client: id } = config.securityServer
  const client = createClient({ securityServer: url, client: id })
  life.onStop('client', () => client.close())

  const agents = new Map<string, Agent>()
  for (const { name, epoch, decree, durability, receipts, source, gate } of config.registers) {
    const origin = originOf(instance, name, epoch)
    const author = await Author.open({
      directory: join(directory, `${name}-${epoch}`),
      instance,
      origin,
      signer,
      recipients,
    })
    life.onStop(`log of ${name}`, () => author.close())
    if (decree !== undefined) await author.begin(await readFile(decree))
    const agent = new Agent({
      ...{ register: name, durability, receipts, author, source: sourceOf(source, durability, log), decreeKeys, log },
      embassies: embassies.map(({ name: embassy, service, mirrorKey }) => ({
        name: embassy,
        service: client.service(service),
        mirrorKey,
      })),
    })
    agents.set(name, agent)
    agent.start()
    life.onStop(`agent of ${name}`, () => agent.stop())
    if (gate === undefined) continue
    const upstream = new URL(gate.upstream)
    const server = gateServer({
      upstream: () => upstream,
      readPaths: gate.readPaths,
      policy: homeGate(agent, epoch),
      log,
    })
    await listen(server, gate.listen.host, gate.listen.port)
    life.onStop(`gate of ${name}`, () => closeHttp(server, CLOSE_MS))
  }

  const of = (name: string): Agent => {
    const agent = agents.get(name)
    if (agent === undefined) throw new EmbassyError('unknown_register', `there is no register ${name} here`)
    return agent
  }
  const control = await serveControl({
    socket: runtimeSocket(directory, 'control'),
    log,
    routes(app) {
      app.get(agentPaths.status, (_request, response) => {
        response.json({
          version: productVersion(),
          registers: [...agents.values()].map((agent) => agent.status()),
        } satisfies AgentProcessStatus)
      })
      app.post(agentPaths.settled(':register').replace('%3A', ':'), async (request, response) => {
        response.json({
          size: await of(String(request.params['register'])).settled(SETTLED_MS),
        } satisfies SettledAnswer)
      })
      app.post(agentPaths.erase(':register').replace('%3A', ':'), async (request, response) => {
        const { relation, key, basis } = eraseRequest.parse(request.body)
        const entries = await of(String(request.params['register'])).erase(relation, key, basis)
        response.json({ entries } satisfies EraseAnswer)
      })
    },
  })
  life.onStop('control', () => control.close())
  log.info('agent ready', { registers: agents.size })
}

type Registered = AgentConfig['registers'][number]

function sourceOf(source: Registered['source'], durability: Registered['durability'], log: Log): Source {
  if ('sqlite' in source) return new JournalSource(source.sqlite)
  const { slot, ...settings } = source.postgres
  return new PostgresSource({ settings, slot, synchronous: durability === 'strict', log })
}
