// Verification: containers per second of CPU with trust that is cached, a folder by `saadik verify`, and the memory of ten times as many.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { stringify } from 'yaml'
import {
  ArchiveWriter,
  type CommittedRecord,
  examineContainer,
  insertTimestamp,
  type MessagePart,
  recordFactsOf,
  signatureValueOf,
  signMessages,
  timestampInput,
  writeContainer,
} from '#evidence'
import { digest } from '#trust'
import { judgeEvidence, readPinned, Trust } from '#verification'
import { type Country, foundCountry, type KeyKind, NOW } from '../test/unit/evidence/authority.ts'
import { collect, once, REST_RESPONSE, SOAP_REQUEST } from '../test/unit/evidence/messages.ts'
import { pinnedDocument, recordOf, TestLog } from '../test/unit/verification/auditor.ts'

interface Form {
  readonly kind: KeyKind
  readonly body?: number
  /** Messages of one signature, of one time-stamp. */
  readonly round: number
  readonly stamped: number
}

const FORMS: Readonly<Record<string, Form>> = {
  'P-256, signed alone, 100 under a time-stamp': { kind: 'EC-P256', round: 1, stamped: 100 },
  'P-256, body of 2 KB, 16 under a signature': { kind: 'EC-P256', body: 2048, round: 16, stamped: 96 },
  'RSA-2048, signed alone, 100 under a time-stamp': { kind: 'RSA-2048', round: 1, stamped: 100 },
  'P-256, a time-stamp for each': { kind: 'EC-P256', round: 1, stamped: 1 },
}
const COUNT = 600
const ROUNDS = 7

export async function run(): Promise<void> {
  const country = foundCountry()
  const log = new TestLog()
  const trust = new Trust({
    pinned: [readPinned(pinnedDocument(country, {}, { logs: [{ policy: log.policy(2) }] }))],
  })
  for (const [name, form] of Object.entries(FORMS)) {
    const containers = await made(country, form, COUNT)
    await measure(name, containers, (container) => judge(container, trust))
  }
  const containers = await made(country, FORMS[Object.keys(FORMS)[0] ?? ''] as Form, COUNT)
  const records: CommittedRecord[] = []
  for (const container of containers) {
    const facts = recordFactsOf(await examineContainer(once(container), trust))
    if (facts) records.push(recordOf(facts, { seq: records.length + 1 }))
  }
  const proofs = await log.proofs(records)
  const proofOf = new Map(containers.map((container, index) => [container, proofs[index]]))
  const name = 'the first, with a proof of a log, all under one checkpoint'
  await measure(name, containers, (container) => judge(container, trust, proofOf.get(container)))
  await folders(country, containers)
}

async function judge(container: Buffer, trust: Trust, proof?: Uint8Array): Promise<void> {
  const { verdict } = await judgeEvidence(once(container), { trust, proofOf: () => proof, each: () => {} })
  if (verdict !== 'valid') throw new Error(`a container is ${verdict}`)
}

async function measure(name: string, containers: readonly Buffer[], work: (container: Buffer) => Promise<void>) {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.cpuUsage()
    for (const container of containers) await work(container)
    const { user, system } = process.cpuUsage(start)
    rounds.push((user + system) / containers.length)
  }
  const micros = rounds.sort((a, b) => a - b)[ROUNDS >> 1] ?? 0
  const size = Math.round((containers[0]?.length ?? 0) / 1024)
  console.log(`${name}: ${micros.toFixed(0)} µs CPU each (${size} KB), ${(1_000_000 / micros).toFixed(0)}/s on a core`)
}

/** Archives of 500 in a folder: one, and ten times as many. */
async function folders(country: Country, containers: readonly Buffer[]): Promise<void> {
  const folder = mkdtempSync(join(process.cwd(), '.bench-verify-'))
  try {
    writeFileSync(join(folder, 'pinned.yaml'), stringify(pinnedDocument(country)))
    let previous: { digest: string; file: string } | undefined
    for (const [name, archives] of [
      ['few', 4],
      ['many', 40],
    ] as const) {
      mkdirSync(join(folder, name))
      for (let index = 0; index < archives; index += 1) {
        const writer = new ArchiveWriter('SHA-512', previous)
        const bytes = await collect(writer.bytes(entries(containers.slice(0, 500))))
        const file = `mlog-20310506000000-20310506000000-${writer.digest.slice(0, 16)}.zip`
        writeFileSync(join(folder, name, file), bytes)
        previous = { digest: writer.digest, file }
      }
      command(folder, name, archives * 500)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function* entries(containers: readonly Buffer[]) {
  for (const [index, body] of containers.entries())
    yield { name: `id-request-${index}.asice`, at: NOW, body: once(body) }
}

function command(folder: string, name: string, count: number): void {
  const main = resolve(import.meta.dirname, '../cli/main.ts')
  const peakAtEnd = `process.on('exit', () => console.error('PEAK', process.resourceUsage().maxRSS))`
  const start = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      ...['--import', `data:text/javascript,${encodeURIComponent(peakAtEnd)}`, main, 'verify'],
      ...['--pinned', join(folder, 'pinned.yaml'), '--json', join(folder, name)],
    ],
    { encoding: 'utf8', maxBuffer: 1 << 30 },
  )
  const seconds = (performance.now() - start) / 1000
  const peak = Number(/PEAK (\d+)/.exec(stderr)?.[1] ?? 0) / 1024
  if (status !== 0) throw new Error(stderr)
  console.log(
    `saadik verify, ${count} containers in archives: ${seconds.toFixed(1)} s, ${(count / seconds).toFixed(0)}/s, peak ${peak.toFixed(0)} MB`,
  )
}

async function made(country: Country, { kind, body, round, stamped }: Form, count: number): Promise<readonly Buffer[]> {
  const signer = await country.signer(country.member(kind))
  const content = body === undefined ? undefined : Buffer.alloc(body, '{"a":1}')
  const signed: { message: Buffer; xml: Uint8Array; chain?: Uint8Array; chainResult?: Uint8Array }[] = []
  while (signed.length < count) {
    const messages = Array.from({ length: round }, (_, index) => {
      const id = `>id-${signed.length + index}<`
      return content === undefined ? Buffer.from(SOAP_REQUEST.toString().replace('>an-id<', id)) : REST_RESPONSE
    })
    const parts = messages.map((message): MessagePart[] => [
      { name: '/message.xml', digest: digest('SHA-512', message), bytes: message },
      ...(content ? [{ name: '/attachment1', digest: digest('SHA-512', content) }] : []),
    ])
    const at = new Date(NOW.getTime() + signed.length)
    const signatures = await signMessages(parts, signer, at)
    for (const [index, signature] of signatures.entries())
      signed.push({ message: messages[index] ?? Buffer.alloc(0), ...signature })
  }
  const containers: Buffer[] = []
  for (let from = 0; from < count; from += stamped) {
    const group = signed.slice(from, from + stamped)
    const input = timestampInput(
      group.map(({ xml }) => ({ signatureDigest: digest('SHA-512', xml), signatureValue: signatureValueOf(xml) })),
      'SHA-512',
    )
    const token = await country.stamp(input.imprint)
    for (const [index, { message, xml, chain, chainResult }] of group.entries()) {
      const [result, tsChain] = [input.result, input.chains[index]]
      containers.push(
        await collect(
          writeContainer({
            createdAt: NOW,
            message,
            signature: result ? xml : insertTimestamp(xml, token),
            ...(chain && chainResult ? { chain, chainResult } : {}),
            ...(result && tsChain ? { timestamp: { token, result, chain: tsChain } } : {}),
            attachments: content ? [{ name: 'attachment1', size: content.length, body: () => once(content) }] : [],
          }),
        ),
      )
    }
  }
  return containers
}
