// The printable page: whatever stands in evidence is text on it, and nothing on it runs or loads.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { readXml } from '#protocol'
import {
  type ContainerReport,
  type ReportCover,
  reportDetail,
  reportEnd,
  reportFileRow,
  reportHead,
  reportMiddle,
  reportRow,
} from '#verification'
import { needsTools, tool } from '../../tools.ts'

const EVIL = `"><script>alert('x')</script><img src=x onerror=alert(1)>&lt;\u202egpj.exe\u0007\u2028`

/** Every text in it is evil. */
const report: ContainerReport = {
  entry: EVIL,
  verdict: 'valid',
  indication: 'TOTAL-PASSED',
  subIndication: EVIL,
  signer: EVIL,
  signerName: EVIL,
  signedAt: '2031-05-06T07:08:09.123Z',
  certificate: {
    subject: EVIL,
    issuer: EVIL,
    serialNumber: EVIL,
    notBefore: '2030-05-06T07:08:09.000Z',
    notAfter: '2032-05-06T07:08:09.000Z',
  },
  ocsp: { responder: EVIL, producedAt: '2031-05-06T07:07:09.000Z', thisUpdate: '2031-05-06T07:07:09.000Z' },
  timestamp: { genTime: '2031-05-06T07:08:39.000Z', authority: EVIL },
  message: { protocol: 'REST', direction: 'request', id: EVIL, attachments: [EVIL], absent: [EVIL], unsigned: [EVIL] },
  provenDigests: [{ name: EVIL, algorithm: EVIL, value: EVIL }],
  proof: {
    state: 'witnessed',
    origin: EVIL,
    size: 9,
    index: 3,
    record: { seq: 1, at: EVIL, side: EVIL, member: EVIL },
    witnesses: [{ name: EVIL, at: '2031-05-06T07:08:49.000Z' }],
  },
  opinions: [{ by: EVIL, says: 'nothing', detail: EVIL }],
  believed: [EVIL],
  checks: [
    { name: EVIL, ok: false, code: EVIL, detail: EVIL },
    { name: 'container', ok: true },
  ],
}

const cover: ReportCover = {
  title: EVIL,
  madeAt: EVIL,
  madeBy: EVIL,
  examined: [EVIL],
  believed: [{ what: EVIL, sha256: EVIL }],
  counts: [[EVIL, 1]],
  verdict: 'invalid',
  summary: EVIL,
  leftOut: [EVIL],
  links: {
    runs: [
      { group: EVIL, archives: 2, first: EVIL, last: EVIL, after: { digest: EVIL, file: EVIL }, lastDigest: EVIL },
    ],
    checks: [{ name: EVIL, ok: false, code: EVIL, detail: EVIL }],
  },
}

const page = [
  reportHead(cover),
  reportRow(EVIL, report),
  reportFileRow(EVIL, { kind: 'archive', verdict: 'invalid', containers: 1, checks: report.checks }),
  reportMiddle(),
  reportDetail(EVIL, report),
  reportEnd(),
].join('')

test('nothing of the evidence becomes markup', () => {
  const tags = new Set([...page.matchAll(/<([a-z0-9]+)/gi)].map(([, name = '']) => name.toLowerCase()))
  for (const tag of ['script', 'img', 'iframe', 'object', 'link', 'a', 'form', 'foreignobject', 'base'])
    assert.ok(!tags.has(tag), tag)
  assert.doesNotMatch(page, /<[^>]*\son[a-z]+=/i)
  assert.ok(page.includes('&lt;script&gt;'))
})

test('nothing is loaded, and a browser is told so', () => {
  assert.match(page, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/)
  assert.doesNotMatch(page, /<[^>]*\b(?:src|href|srcset|action)\s*=/i)
  assert.doesNotMatch(page, /url\(/i)
  assert.doesNotMatch(page, /@import|https?:\/\//)
})

test('characters that hide or turn text are shown as replaced', () => {
  for (const character of ['\u0007', '\u2028', '\u202e']) assert.ok(!page.includes(character))
  assert.ok(page.includes('\ufffdgpj.exe'))
})

test('it is well-formed: every element that is opened is closed', () => {
  const xml = page
    .replace('<!doctype html>', '')
    .replace(/<meta([^>]*)>/g, '<meta$1/>')
    .replaceAll('<br>', '<br/>')
  const root = readXml(Buffer.from(xml), { maxBytes: 1 << 20, maxDepth: 64, maxNodes: 20_000 })
  assert.equal(root.local, 'html')
})

test('an HTML parser agrees', (t) => {
  if (!needsTools(t, 'xmllint')) return
  const folder = mkdtempSync(join(tmpdir(), 'saadik-html-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'page.html'), page)
  const scripts = tool('xmllint', [
    '--html',
    '--nonet',
    '--xpath',
    'count(//script|//img|//@onerror)',
    join(folder, 'page.html'),
  ])
  assert.equal(scripts.stdout.trim(), '0')
})

test('the picture has the moments in their order, and says them in words', () => {
  const detail = reportDetail('x', { ...report, proof: undefined as never })
  const labels = [...detail.matchAll(/<tspan class="label"[^>]*>([^<]+)/g)].map(([, label]) => label)
  assert.deepEqual(labels, [
    'certificate begins',
    'not revoked',
    'signed, as claimed',
    'time-stamped',
    'certificate ends',
  ])
  assert.match(detail, /aria-label="certificate begins: 2030-05-06T07:08:09 UTC; not revoked/)
  const { certificate: _, ocsp: __, signedAt: ___, ...less } = report
  assert.doesNotMatch(reportDetail('x', { ...less, timestamp: undefined as never, proof: undefined as never }), /<svg/)
})

test('one sentence says what is proven, or why it is not', () => {
  const plain = {
    ...report,
    signer: 'DEMO/GOV/1',
    signerName: 'The Register',
    checks: [{ name: 'container', ok: true }],
  }
  assert.match(
    reportDetail('x', plain),
    /This request was signed by The Register \(DEMO\/GOV\/1\); it existed at the latest on 2031/,
  )
  const checks = [{ name: 'signature value', ok: false, code: 'x', detail: 'The signature value is wrong' }]
  assert.match(
    reportDetail('x', { ...plain, verdict: 'invalid', checks }),
    /It is not proven that this request is from The Register.*The signature value is wrong\./,
  )
})
