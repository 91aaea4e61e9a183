// What we generate, read by somebody else's parser: fast-xml-parser must find in it what went in (decision 8).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { shortId, writeSharedParameters } from '#protocol'
import { sharedSample } from './sample.ts'

const LISTS = new Set([
  'member',
  'subsystem',
  'securityServer',
  'client',
  'approvedCA',
  'approvedTSA',
  'globalGroup',
  'groupMember',
  'authCertHash',
])

interface SecondReading {
  readonly conf: {
    readonly instanceIdentifier: string
    readonly member?: readonly {
      readonly '@id': string
      readonly memberCode: string
      readonly name: string
      readonly memberClass: { readonly code: string }
      readonly subsystem?: readonly { readonly '@id': string; readonly subsystemCode: string }[]
    }[]
    readonly securityServer?: readonly {
      readonly owner: string
      readonly serverCode: string
      readonly client?: readonly string[]
    }[]
    readonly approvedCA?: readonly { readonly name: string }[]
    readonly approvedTSA?: readonly { readonly url: string }[]
    readonly globalSettings: { readonly ocspFreshnessSeconds: string }
  }
}

for (const version of [2, 3, 4, 5, 6] as const)
  test(`shared parameters of version ${version} say the same to a second reader`, () => {
    const sample = sharedSample(version)
    const text = Buffer.from(writeSharedParameters(sample, version)).toString('utf8')
    assert.equal(XMLValidator.validate(text), true)
    const parser = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '@',
      removeNSPrefix: true,
      parseTagValue: false,
      isArray: (name) => LISTS.has(name),
    })
    const { conf } = parser.parse(text) as SecondReading
    assert.equal(conf.instanceIdentifier, sample.instance)
    assert.equal(Number(conf.globalSettings.ocspFreshnessSeconds), sample.ocspFreshnessSeconds)
    assert.deepEqual(
      conf.approvedCA?.map((ca) => ca.name),
      sample.authorities.map((ca) => ca.name),
    )
    assert.deepEqual(
      conf.approvedTSA?.map((tsa) => tsa.url),
      sample.tsas.map((tsa) => tsa.url),
    )
    const names = new Map<string, string>()
    for (const member of conf.member ?? []) {
      const own = `${conf.instanceIdentifier}/${member.memberClass.code}/${member.memberCode}`
      names.set(member['@id'], own)
      for (const subsystem of member.subsystem ?? []) names.set(subsystem['@id'], `${own}/${subsystem.subsystemCode}`)
    }
    assert.deepEqual(
      [...names.values()],
      sample.members.flatMap((member) => {
        const own = `${sample.instance}/${member.memberClass}/${member.memberCode}`
        return [own, ...member.subsystems.map((subsystem) => `${own}/${subsystem.code}`)]
      }),
    )
    assert.deepEqual(
      conf.securityServer?.map((server) => `${names.get(server.owner)}/${server.serverCode}`),
      sample.servers.map((server) => shortId(server.id)),
    )
  })
