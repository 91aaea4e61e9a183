// Registers carried abroad as signed messages between real security servers: an agent at home, mirrors abroad, and the registers made again from them.
import assert from 'node:assert/strict'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, test } from 'node:test'
import { generateHybridIdentity, identityToRecipient } from 'age-encryption'
import { createClient } from '#client'
import { DecreeKeys, Recipients } from '#continuity'
import { closeHttp, createLog, listen } from '#host'
import type { SignerClient } from '#signer'
import { formatVerifierKey } from '#transparency'
import { Authority } from '../../data-embassy/abroad/authority.ts'
import { carrierServer } from '../../data-embassy/abroad/carrier.ts'
import { Mirrors } from '../../data-embassy/abroad/mirrors.ts'
import { Author } from '../../data-embassy/authoring/author.ts'
import { Agent } from '../../data-embassy/home/agent.ts'
import { JournalSource } from '../../data-embassy/register/journal.ts'
import { restoreSqlite } from '../../data-embassy/restore/restore-sqlite.ts'
import { originOf } from '../../data-embassy/wire.ts'
import { type State, startState } from '../federation/state.ts'
import { scratch } from '../unit/host/scratch.ts'
import { startedSigner } from '../unit/signer/signer-process.ts'
import { noteSigner } from '../unit/transparency/signers.ts'

const INSTANCE = 'TEST'
const REGISTER = 'persons'
const ORIGIN = originOf(INSTANCE, REGISTER, 1)
const SERVICE = 'TEST/GOV/3333/carrier/continuity'
const COURIER = 'TEST/GOV/1111/courier'
const log = createLog({ process: 'test', level: 'error' })
const identity = await generateHybridIdentity()
const holders = ['Kask', 'Saar', 'Tamm'].map((name) => noteSigner('note', `TEST/decree/${name}`))
const decreeKeys = new DecreeKeys(
  1,
  2,
  holders.map(({ key }) => formatVerifierKey(key)),
)
const recipients = new Recipients([await identityToRecipient(identity)])

let state: State
/** The port of the carrier is known to the security server: it stays while the embassy comes and goes. */
const CARRIER = { host: '127.0.0.1', port: 0 }

before(async () => {
  const { createServer } = await import('node:http')
  const reserve = createServer()
  const { port } = await listen(reserve, CARRIER.host, 0)
  CARRIER.port = port
  await closeHttp(reserve, 0)
  const url = `http://${CARRIER.host}:${port}`
  const services = [{ code: 'continuity', url, timeoutSeconds: 30, access: [{ subject: COURIER }] }]
  state = await startState({
    servers: [
      {
        code: 'E',
        owner: 'GOV/3333',
        subsystems: ['carrier'],
        clients: [{ id: 'TEST/GOV/3333/carrier', connection: 'HTTP', services }],
      },
      { code: 'H', owner: 'GOV/1111', subsystems: ['courier'], clients: [{ id: COURIER, connection: 'HTTP' }] },
    ],
  })
})
after(() => state.stop())

interface Embassy {
  readonly mirrors: Mirrors
  readonly server: Server
  close(): Promise<void>
}

async function embassy(directory: string, signer: SignerClient, author: Author): Promise<Embassy> {
  const epochs = [{ epoch: 1, logKeys: author.log.keys.verifierKeys }]
  const registers = [{ name: REGISTER, client: COURIER, epochs }]
  const authority = await Authority.open({
    ...{
      directory: join(directory, 'authority'),
      instance: INSTANCE,
      embassy: 'TEST/GOV/3333/carrier',
      signer,
      keys: decreeKeys,
    },
  })
  const mirrors = await Mirrors.open({
    directory,
    instance: INSTANCE,
    keyName: 'TEST/mirror',
    signer,
    registers,
    authority,
  })
  const nothing = { batch: () => undefined }
  const server = carrierServer({ mirrors, authored: nothing, instance: INSTANCE, log })
  await listen(server, CARRIER.host, CARRIER.port)
  return {
    mirrors,
    server,
    async close() {
      await closeHttp(server, 1_000)
      await mirrors.close()
      await authority.close()
    },
  }
}

test('a register is carried abroad, through an outage, and made again there', async (t) => {
  const [home, abroad] = [await startedSigner(t), await startedSigner(t)]
  const [homeFolder, abroadFolder, work] = [scratch(t), scratch(t), scratch(t)]
  const file = join(work, 'register.db')
  const register = new DatabaseSync(file)
  register.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE persons (code TEXT PRIMARY KEY, name TEXT NOT NULL, photo BLOB)',
  )
  const insert = register.prepare('INSERT INTO persons VALUES (?, ?, ?)')
  const add = (first: number, count: number) => {
    register.exec('BEGIN')
    for (let code = first; code < first + count; code += 1)
      insert.run(`${code}`, `Mari ${code}`, Buffer.alloc(2000, code))
    register.exec('COMMIT')
  }
  add(0, 700)

  const author = await Author.open({
    directory: homeFolder,
    instance: INSTANCE,
    origin: ORIGIN,
    signer: home.client,
    recipients,
  })
  let there = await embassy(abroadFolder, abroad.client, author)
  const [mirrorKey] = there.mirrors.keys.verifierKeys
  assert.ok(mirrorKey)
  const client = createClient({ securityServer: state.server('H').client, client: COURIER })
  const agent = new Agent({
    ...{ register: REGISTER, durability: 'strict', receipts: 1, author, source: new JournalSource(file) },
    embassies: [{ name: 'luxembourg', service: client.service(SERVICE), mirrorKey }],
    decreeKeys,
    log,
  })
  t.after(async () => {
    await agent.stop()
    await author.close()
    await there.close()
    client.close()
    register.close()
  })
  agent.start()
  assert.ok((await agent.settled(60_000)) >= 700)

  add(700, 1)
  await agent.settled(30_000)
  await there.close()
  add(701, 300)
  register.exec("DELETE FROM persons WHERE code = '3'; UPDATE persons SET name = 'other' WHERE code = '4'")
  await assert.rejects(agent.settled(1_500), { name: 'EmbassyError', code: 'not_receipted' })
  there = await embassy(abroadFolder, abroad.client, author)
  await agent.settled(60_000)

  const [mirror] = there.mirrors.all
  assert.ok(mirror)
  assert.equal(mirror.size, author.size)
  const copy = join(work, 'restored.db')
  const restored = await restoreSqlite({ mirror, instance: INSTANCE, identity }, copy)
  assert.deepEqual(restored.erased, [])
  const made = new DatabaseSync(copy)
  t.after(() => made.close())
  const all = (db: DatabaseSync) => db.prepare('SELECT * FROM persons ORDER BY code').all()
  assert.deepEqual(all(made), all(register))
  // Each batch is evidence: the embassy's security server can show who sent it.
  assert.ok(state.server('E'))
})
