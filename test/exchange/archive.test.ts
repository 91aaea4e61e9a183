// From an exchange to an archive that an auditor judges: with the commands, encrypted, and every container in it valid.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createReadStream, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Readable } from 'node:stream'
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

function decrypt(bytes: Uint8Array): Promise<Uint8Array> {
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return decrypter.decrypt(bytes)
}

async function decrypted(file: string): Promise<Uint8Array> {
  return decrypt(await collect(createReadStream(file), 1 << 24))
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

test('what /asic hands out is encrypted where archives are', async () => {
  const member = 'xRoadInstance=TEST&memberClass=GOV&memberCode=1111&subsystemCode=registry'
  const answer = await fetch(`${pair.provider.client}/asic?queryId=two&${member}&force`)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/octet-stream')
  assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="two.zip.age"')
  const plain = await decrypt(new Uint8Array(await answer.arrayBuffer()))
  const names: string[] = []
  for await (const { name } of readZip(Readable.from([plain]))) names.push(name)
  assert.equal(names.length, 2)
  const none = await fetch(`${pair.provider.client}/asic?queryId=nobody&${member}`)
  assert.equal(none.status, 404)
})

test('an archive of the provider opens with its key alone', async () => {
  const [name = ''] = await archived(pair.provider)
  assert.match(name, /^mlog-\d{14}-\d{14}-[0-9a-f]{16}\.zip\.age$/)
  const folder = join(pair.provider.directory, 'archive')
  const proofs = name.replace('.zip', '.proofs.zip')
  assert.deepEqual(new Set(readdirSync(folder)), new Set([name, proofs]))
  assert.equal(saadik('archive', 'verify', '--first', join(folder, name)).status, 1)
  const opened = join(folder, name.replace('.age', ''))
  writeFileSync(opened, await decrypted(join(folder, name)))
  const beside = new Map<string, string>()
  for await (const { name: entry, body } of readZip(Readable.from([await decrypted(join(folder, proofs))])))
    beside.set(entry, Buffer.from(await collect(body, 1 << 20)).toString())
  assert.equal(beside.size, 6)
  for (const [entry, proof] of beside) {
    assert.match(entry, /\.asice\.tlog-proof$/)
    assert.match(proof, /^c2sp\.org\/tlog-proof@v1\n/)
  }
  assert.equal(saadik('archive', 'verify', '--first', opened).status, 0)
  for await (const { name: entry, body } of readZip(createReadStream(opened)))
    if (entry === 'linkinginfo') assert.match(Buffer.from(await collect(body, 1 << 16)).toString(), /^- - SHA-256\n/)
})
