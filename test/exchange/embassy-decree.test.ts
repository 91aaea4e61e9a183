// A register that goes on abroad: home is killed, custodians bring their shares, a decree opens it, another seals it again. Every process is the real one.
import assert from 'node:assert/strict'
import { copyFileSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '#client'
import { originHash, parseCheckpoint, parseNote } from '#transparency'
import type { AgentProcessStatus, DecreeAnswer, EmbassyProcessStatus } from '../../data-embassy/contract.ts'
import { returnHome } from '../../data-embassy/home/returning.ts'
import { COURIER, EMBASSY, type EmbassyStage, embassyStage, freePort, INSTANCE } from '../federation/embassy.ts'
import { startProcess } from '../federation/process.ts'
import { scratch } from '../unit/host/scratch.ts'

const REGISTER = 'population-register'
const PROGRAM = resolve(import.meta.dirname, '..', 'federation', 'small-register.ts')
const CODE = '38'

const update = (base: string, street: string) =>
  fetch(`${base}/persons/${CODE}`, { method: 'PUT', body: JSON.stringify({ street }) })

async function until(what: string, done: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; !(await done()); tries += 1) {
    if (tries > 600) throw new Error(`never: ${what}`)
    await sleep(100)
  }
}

/** What the embassy has of the register, as a decree names it. */
function predecessor({ embassy }: EmbassyStage) {
  const mirror = originHash(`${INSTANCE}/${REGISTER}/1`)
  const { origin, size, root } = parseCheckpoint(
    parseNote(readFileSync(join(embassy.directory, 'mirrors', mirror, 'receipt'))).text,
  )
  return { origin, size, root: Buffer.from(root).toString('base64') }
}

test('a register goes on abroad, by decree and custodians, and is sealed again', async (t) => {
  const folder = scratch(t)
  const port = await freePort()
  const database = join(folder, 'register.db')
  const startRegister = () => startProcess('test/federation/small-register.ts', [database, `${port}`])
  const program = await startRegister()
  t.after(() => program.kill())
  const command = [process.execPath, PROGRAM, '{database}', '{port}']
  const stage = await embassyStage(t, [
    {
      name: REGISTER,
      database: join(folder, 'register.db'),
      upstream: `http://127.0.0.1:${port}`,
      command,
    },
  ])
  const { agent, embassy } = stage
  const abroadProcess = await embassy.start()
  const agentProcess = await agent.start()

  const [at, away] = [stage.homeGate(REGISTER), stage.abroadGate(REGISTER)]
  await until('the whole register is abroad', async () => {
    const { registers } = await agent.control.get<AgentProcessStatus>('/status')
    return (registers[0]?.embassies[0]?.size ?? 0) > 300
  })
  // A write that was acknowledged is abroad: the answer waited for the receipt.
  const written = await update(at, 'Pikk 61')
  assert.equal(written.status, 200)
  assert.equal(written.headers.get('x-saadik-durability'), 'receipted')
  assert.equal(written.headers.get('x-saadik-mode'), 'HOME')

  // Sealed, it answers nobody, whoever asks.
  const sealed = await fetch(`${away}/persons/${CODE}`)
  assert.deepEqual([sealed.status, sealed.headers.get('x-saadik-mode')], [503, 'SEALED'])

  await agentProcess.kill()
  await program.kill()
  const named = predecessor(stage)
  const decree = { subject: REGISTER, from: 'SEALED', to: 'READ_ONLY', epoch: [1, 2], predecessor: named } as const
  await assert.rejects(embassy.control.post('/decrees', { note: stage.decree(decree, stage.holders.slice(0, 1)) }), {
    code: 'control_failed',
  })
  const recorded = await embassy.control.post<DecreeAnswer>('/decrees', { note: stage.decree(decree) })
  assert.deepEqual({ ...recorded }, { subject: REGISTER, mode: 'READ_ONLY', epoch: 2, index: 0 })
  await stage.bring(stage.shares.slice(0, 1))
  assert.equal((await fetch(`${away}/persons/${CODE}`)).status, 503)
  await stage.bring(stage.shares.slice(1, 2))
  await until('the register answers from abroad', async () => (await fetch(`${away}/persons/${CODE}`)).status === 200)
  const read = await fetch(`${away}/persons/${CODE}`)
  assert.equal(read.headers.get('x-saadik-mode'), 'READ_ONLY')
  assert.ok(read.headers.get('x-saadik-as-of'))
  assert.equal(((await read.json()) as { street: string }).street, 'Pikk 61')
  assert.equal((await update(away, 'Lai 1')).status, 503)

  // Every record is the one that home had.
  const rows = (file: string) => {
    const db = new DatabaseSync(file, { readOnly: true })
    const all = db.prepare('SELECT * FROM person ORDER BY code').all()
    db.close()
    return all
  }
  assert.deepEqual(rows(join(embassy.work, REGISTER, 'register.db')), rows(database))

  const back = { subject: REGISTER, from: 'READ_ONLY', to: 'SEALED', epoch: [2, 3], predecessor: named } as const
  await embassy.control.post('/decrees', { note: stage.decree(back) })
  await until(
    'it is sealed again',
    async () => !(await embassy.control.get<EmbassyProcessStatus>('/status')).standbys[0]?.serving,
  )
  assert.equal((await fetch(`${away}/persons/${CODE}`)).status, 503)
  await until('nothing of it is left', async () => readdirSync(embassy.work).length === 0)
  assert.equal((await embassy.control.get<EmbassyProcessStatus>('/status')).room.open, false)
  await abroadProcess.stop()
})

test('a register is written to abroad, and comes home with every write that was acknowledged', async (t) => {
  const folder = scratch(t)
  const port = await freePort()
  const database = join(folder, 'register.db')
  const startRegister = () => startProcess('test/federation/small-register.ts', [database, `${port}`])
  const program = await startRegister()
  t.after(() => program.kill())
  const command = [process.execPath, PROGRAM, '{database}', '{port}']
  const stage = await embassyStage(t, [{ name: REGISTER, database, upstream: `http://127.0.0.1:${port}`, command }])
  const { agent, embassy } = stage
  await embassy.start()
  const agentProcess = await agent.start()
  const [at, away] = [stage.homeGate(REGISTER), stage.abroadGate(REGISTER)]
  await until('the whole register is abroad', async () => (await update(at, 'Pikk 61')).status === 200)
  await agentProcess.kill()

  // Home goes on by itself for a moment, unseen: nobody was told that this write counts.
  const direct = await update(`http://127.0.0.1:${port}`, 'Nunne 7')
  assert.equal(direct.status, 200)

  const first = {
    subject: REGISTER,
    from: 'SEALED',
    to: 'TAKEOVER',
    epoch: [1, 2],
    predecessor: predecessor(stage),
  } as const
  await embassy.control.post('/decrees', { note: stage.decree(first) })
  await stage.bring(stage.shares.slice(1))
  await until('it takes writes abroad', async () => (await update(away, 'Lai 1')).status === 200)
  const written = await update(away, 'Lai 2')
  assert.deepEqual([written.headers.get('x-saadik-mode'), written.headers.get('x-saadik-epoch')], ['TAKEOVER', '2'])

  // Home wakes up, is told by the embassy, and takes no write any more; what it had receipted stays as it was.
  const woken = await agent.start()
  assert.ok((await update(at, 'Viru 3')).status === 503)
  await woken.stop()

  const client = createClient({ securityServer: stage.state.server('H').client, client: COURIER })
  t.after(() => client.close())
  const restored = join(scratch(t), 'register.db')
  const returning = {
    ...{
      directory: agent.directory,
      instance: INSTANCE,
      register: REGISTER,
      epoch: 2,
      signer: agent.signer,
      database,
      restored,
    },
    ...{
      service: client.service(`${EMBASSY}/continuity`),
      logKeys: await stage.abroadKeys(REGISTER, 2),
      decreeKeys: stage.decreeKeys,
    },
    identity: stage.returnIdentity,
  }
  const home = await returnHome(returning)
  const [table] = home.comparison.tables
  assert.deepEqual([table?.relation, table?.onlyHere, table?.onlyThere, table?.different], ['person', 0, 0, 1])
  assert.equal(table?.rows[0]?.there?.['street'], "'Lai 2'")

  // Authority goes back: sealed abroad first, so that no write is lost between.
  const head = { origin: home.origin, size: home.size, root: Buffer.from(home.root).toString('base64') }
  const back = stage.decree({ subject: REGISTER, from: 'TAKEOVER', to: 'SEALED', epoch: [2, 3], predecessor: head })
  await embassy.control.post('/decrees', { note: back })
  assert.equal((await update(away, 'Lai 3')).status, 503)
  await program.kill()
  await until('nothing of it is left abroad', async () => readdirSync(embassy.work).length === 0)
  rmSync(restored, { force: true })
  const last = await returnHome(returning)
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
  copyFileSync(restored, database)
  assert.ok(last.size >= home.size)
  const again = await startRegister()
  t.after(() => again.kill())
  await agent.start({ epoch: 3, decree: back })
  await until('home writes again, in an epoch of its own', async () => (await update(at, 'Pikk 62')).status === 200)
  const { mirrors } = await embassy.control.get<EmbassyProcessStatus>('/status')
  assert.deepEqual(
    mirrors.map(({ origin, over }) => [origin, over]),
    [
      [`${INSTANCE}/${REGISTER}/1`, true],
      [`${INSTANCE}/${REGISTER}/3`, false],
    ],
  )
})
