// GET /verificationconf: with it, and nothing else of this server, an old container verifies.
import assert from 'node:assert/strict'
import { createReadStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { verifyContainer } from '#evidence'
import { type GlobalConfiguration, readConfigurationDirectory } from '#global-configuration'
import { readSoapFault } from '#protocol'
import { answerVerificationConf } from '../../../../security-server/message-log/index.ts'
import { needsTools, tool } from '../../../tools.ts'
import { needsVectors, vectorPath } from '../../../vectors.ts'
import { collect, temporaryDirectory } from './fixture.ts'

const AT = new Date('2026-03-01T12:00:00Z')

test('the zip has the layout that a verifier reads, and is enough to judge a container', async (t) => {
  if (!needsVectors(t) || !needsTools(t, 'unzip')) return
  const stored = vectorPath('globalconf', 'globalconf_good2_v3')
  const directory = await temporaryDirectory(t)
  const answer = await answerVerificationConf(await readConfigurationDirectory(stored), AT)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.headers, {
    'content-type': 'application/zip',
    'content-disposition': 'filename="verificationconf.zip"',
  })
  writeFileSync(join(directory, 'conf.zip'), await collect(answer.body))
  assert.equal(tool('unzip', ['-qq', 'conf.zip'], { cwd: directory }).status, 0)
  const { trust } = await readConfigurationDirectory(join(directory, 'verificationconf'))
  const report = await verifyContainer(createReadStream(vectorPath('asic', 'valid-signed-message.asice')), trust)
  assert.equal(report.verdict, 'valid', JSON.stringify(report.checks))
})

test('without a configuration, or with an expired one, it is the fault that X-Road gives', async () => {
  const expired = { isExpired: () => true } as unknown as GlobalConfiguration
  for (const configuration of [undefined, expired]) {
    const answer = await answerVerificationConf(configuration, AT)
    assert.equal(answer.status, 500)
    assert.equal(readSoapFault(await collect(answer.body))?.code, 'server.clientproxy.global_conf_outdated')
  }
})
