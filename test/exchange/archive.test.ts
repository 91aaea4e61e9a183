// From an exchange to an archive that an auditor judges: with the commands, encrypted, and every container in it valid.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createReadStream, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, test } from 'node:test'
import { Decrypter, generateX25519Identity, identityToRecipient } from 'age-encryption'
import { readZip, verifyArchive, verifyContainer } from '#evidence'
import { readConfigurationDirectory } from '#global-configuration'
import { collect } from '#protocol'
import { type ArchiveListing, type ArchiveStatus, controlPaths } from '#security-server/contract'
import { type Pair, startPair } from '../federation/pair.ts'

const root = resolve(import.meta.dirname, '..', '..')
const identity = await generateX25519Identity()

let pair: Pair
before(async () => {
  const recipient = await identityToRecipient(identity)
  pair = await startPair({
    consumerConfig: { archive: { grouping: 'member' } },
    providerConfig: { archive: { hash: 'SHA-256', encryption: { method: 'age', recipients: [recipient] } } },
  })
  for (const id of ['one', 'two', 'three']) {
    const answer = await pair.call('/echo', { method: 'POST', body: 'body', headers: { 'X-Road-Id': id } })
    assert.equal(answer.status, 200, await answer.text())
  }
})
after(() => pair?.stop())

function saadik(...args: readonly string[]) {
  return spawnSync(process.execPath, [join(root, 'bin', 'saadik.js'), ...args], { encoding: 'utf8' })
}

/** Has everything time-stamped, then archives it. */
async function archived(server: Pair['consumer']): Promise<readonly string[]> {
  const config = join(server.directory, '..', 'security-server.yaml')
  const { records } = (await server.control.get<{ messageLog: { records: number } }>(controlPaths.status)).messageLog
  for (let seq = 1; seq <= records; seq += 1) await server.control.get(`${controlPaths.container(seq)}?force=1`)
  const run = saadik('archive', 'run', '--json', '--config', config)
  assert.equal(run.status, 0, run.stdout + run.stderr)
  const status = JSON.parse(run.stdout) as ArchiveStatus
  assert.equal(status.archivedUpTo, records)
  assert.deepEqual(
    await server.control.get<ArchiveStatus>(controlPaths.archive).then(({ files, records }) => ({ files, records })),
    { files: status.files, records },
  )
  assert.match(saadik('archive', 'status', '--config', config).stdout, new RegExp(`complete up to +record ${records}`))
  const { files } = await server.control.get<ArchiveListing>(controlPaths.archiveFiles)
  assert.match(saadik('archive', 'list', '--config', config).stdout, new RegExp(files[0]?.name ?? 'none'))
  return files.map(({ name }) => name)
}

test('every container in an archive of the consumer is valid, and the command says that the archive is whole', async () => {
  const [name = '', ...more] = await archived(pair.consumer)
  assert.deepEqual(more, [])
  assert.match(name, /^mlog-TEST_GOV_2222-\d{14}-\d{14}-[0-9a-f]{16}\.zip$/)
  const file = join(pair.consumer.directory, 'archive', name)
  const verified = saadik('archive', 'verify', '--first', '--json', file)
  assert.equal(verified.status, 0, verified.stdout)
  const [report] = (JSON.parse(verified.stdout) as { files: { containers: number; link: string }[] }).files
  assert.deepEqual([report?.containers, report?.link], [6, 'start'])
  assert.equal(saadik('archive', 'verify', '--previous', '0'.repeat(128), file).status, 1)
  assert.equal(saadik('archive', 'verify', '--first', join(pair.consumer.directory, 'none.zip')).status, 2)
  assert.equal(saadik('archive', 'verify', '--first', '--previous', '0'.repeat(128), file).status, 64)
  const { trust } = await readConfigurationDirectory(join(pair.consumer.directory, 'configuration'))
  let judged = 0
  await verifyArchive(createReadStream(file), 'first', {
    container: async (container, bytes) => {
      assert.equal((await verifyContainer(bytes, trust)).indication, 'TOTAL-PASSED', container)
      judged += 1
    },
  })
  assert.equal(judged, 6)
})

test('an archive of the provider opens with its key alone', async () => {
  const [name = ''] = await archived(pair.provider)
  assert.match(name, /^mlog-\d{14}-\d{14}-[0-9a-f]{16}\.zip\.age$/)
  const folder = join(pair.provider.directory, 'archive')
  assert.deepEqual(readdirSync(folder), [name])
  const file = join(folder, name)
  assert.equal(saadik('archive', 'verify', '--first', file).status, 1)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const plain = await decrypter.decrypt(await collect(createReadStream(file), 1 << 24))
  const opened = file.replace('.age', '')
  writeFileSync(opened, plain)
  assert.equal(saadik('archive', 'verify', '--first', opened).status, 0)
  for await (const { name: entry, body } of readZip(createReadStream(opened)))
    if (entry === 'linkinginfo') assert.match(Buffer.from(await collect(body, 1 << 16)).toString(), /^- - SHA-256\n/)
})
