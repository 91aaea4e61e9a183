// Commands of custodians and holders: a ceremony, keys of persons, signatures on what they read. Run as people run them.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type TestContext, test } from 'node:test'
import { generateX25519Identity, identityToRecipient } from 'age-encryption'
import { DecreeKeys, openDecree, openingKey, openShare, parseManifest } from '#continuity'
import { noteVerifier, openNote, parseNote, parseVerifierKey } from '#transparency'
import { scratch } from '../host/scratch.ts'

const MAIN = resolve(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts')
const PIN = 'correct horse'

function saadik(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', input })
  return { status, stdout, stderr }
}

async function held(t: TestContext) {
  const names = ['Kask', 'Saar', 'Tamm']
  const identities = await Promise.all(names.map(() => generateX25519Identity()))
  const recipients = await Promise.all(identities.map(identityToRecipient))
  const folder = join(scratch(t), 'ceremony')
  const custodians = names.flatMap((name, at) => ['--custodian', `${name}=${recipients[at]}`])
  const facts = ['--instance', 'DEMO', '--embassy', 'DEMO/GOV/70000003/embassy', '--threshold', '2']
  return {
    names,
    identities,
    folder,
    custodians,
    facts,
    ran: saadik(['custody', 'ceremony', ...facts, ...custodians, '-o', folder]),
  }
}

test('a ceremony leaves a manifest and shares, and the shares open', async (t) => {
  const { names, identities, folder, custodians, facts, ran } = await held(t)
  assert.equal(ran.status, 0, ran.stderr)
  assert.deepEqual(readdirSync(folder).sort(), ['Kask.share', 'Saar.share', 'Tamm.share', 'manifest.txt'])
  assert.equal(statSync(join(folder, 'Kask.share')).mode & 0o777, 0o600)
  const manifest = parseManifest(readFileSync(join(folder, 'manifest.txt'), 'utf8'))
  const shares = await Promise.all(
    names.map((name, at) => openShare(readFileSync(join(folder, `${name}.share`), 'utf8'), identities[at] ?? '')),
  )
  assert.match(await openingKey(manifest, shares.slice(1)), /^AGE-SECRET-KEY-PQ-1/)
  // The folder of a ceremony is never written over.
  const again = saadik(['custody', 'ceremony', ...facts, ...custodians, '-o', folder])
  assert.equal(again.status, 1)
  assert.match(again.stderr, /cannot be made/)
})

test('a ceremony says what it needs', () => {
  const facts = ['--instance', 'DEMO', '--embassy', 'DEMO/GOV/1/e']
  for (const [args, words] of [
    [facts, /--threshold is needed/],
    [[...facts, '--threshold', '2', '--custodian', 'Kask=age1x', '-o', 'x'], /two custodians/],
    [[...facts, '--threshold', '2', '--custodian', 'Kask', '-o', 'x'], /NAME=KEY/],
    [[...facts, '--threshold', '3', '--custodian', 'a=age1x', '--custodian', 'b=age1y', '-o', 'x'], /2 to 2/],
    [[...facts, '--threshold', '2', '--custodian', 'a=age1x', '--custodian', 'a=age1y', '-o', 'x'], /named twice/],
  ] as const) {
    const { status, stderr } = saadik(['custody', 'ceremony', ...args])
    assert.equal(status, 64, stderr)
    assert.match(stderr, words)
  }
})

test('persons sign what they read, one after another, each with an own key', (t) => {
  const folder = scratch(t)
  const text = join(folder, 'decree.txt')
  writeFileSync(
    text,
    'saadik decree v1\ninstance DEMO\nsubject CENTRE\nembassy DEMO/GOV/70000003/embassy\nmode SEALED RELAY\nepoch 1 2\npredecessor -\nkeys 1\nnot-before 2026-01-01T00:00:00Z\nnot-after 2036-01-01T00:00:00Z\nnonce 00112233445566778899aabbccddeeff\n',
  )
  const keys = ['Kask', 'Saar'].map((name) => {
    const file = join(folder, `${name}.key`)
    const made = saadik(['note', 'keygen', `DEMO/decree/${name}`, '-o', file, '--pin-file', '-'], `${PIN}\n`)
    assert.equal(made.status, 0, made.stderr)
    assert.equal(statSync(file).mode & 0o777, 0o600)
    assert.match(readFileSync(file, 'utf8'), /ENCRYPTED PRIVATE KEY/)
    const signed = saadik(['note', 'sign', text, '--key', file, '--pin-file', '-'], `${PIN}\n`)
    assert.equal(signed.status, 0, signed.stderr)
    // Whoever signs has seen what.
    assert.match(signed.stderr, /mode SEALED RELAY/)
    return made.stdout.trim()
  })
  const note = readFileSync(text)
  assert.equal(
    openNote(
      parseNote(note),
      keys.map((key) => noteVerifier(parseVerifierKey(key))),
    ).length,
    2,
  )
  assert.deepEqual(openDecree(note, new DecreeKeys(1, 2, keys)).signers, ['DEMO/decree/Kask', 'DEMO/decree/Saar'])
  const wrong = saadik(['note', 'sign', text, '--key', join(folder, 'Kask.key'), '--pin-file', '-'], 'wrong pin\n')
  assert.equal(wrong.status, 1)
  assert.match(wrong.stderr, /does not open with this PIN/)
  const over = saadik(
    ['note', 'keygen', 'DEMO/decree/Kask', '-o', join(folder, 'Kask.key'), '--pin-file', '-'],
    `${PIN}\n`,
  )
  assert.equal(over.status, 1)
  assert.equal(saadik(['note', 'keygen', 'a b', '-o', join(folder, 'x'), '--pin-file', '-'], `${PIN}\n`).status, 64)
  assert.equal(saadik(['note', 'keygen', 'a', '-o', join(folder, 'x'), '--pin-file', '-'], 'short\n').status, 64)
})
