// Whose bodies are logged: a default, and the subsystems for which the opposite holds (wire-message §9.2).
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseClientId } from '#protocol'
import { bodyLogging, bodyLoggingSchema } from '../../../security-server/exchange/body-logging.ts'

const OURS = 'EE/GOV/1/ours'
const THEIRS = 'EE/GOV/2/theirs'

/** Of this provider, when it is asked here, and when it is asked from here. */
function logs(settings: object, provider: string): [asked: boolean, asking: boolean] {
  const keeps = bodyLogging(bodyLoggingSchema.parse(settings))
  const id = parseClientId(provider)
  return [keeps('server.serverproxy', id), keeps('server.clientproxy', id)]
}

test('all are, where nothing is said', () => {
  assert.deepEqual(logs({}, OURS), [true, true])
  assert.deepEqual(logs({ enabled: false }, OURS), [false, false])
})

test('exceptions are of the provider, and of the side on which it is asked', () => {
  const except = { localProducers: [OURS], remoteProducers: [THEIRS] }
  assert.deepEqual(logs({ except }, OURS), [false, true])
  assert.deepEqual(logs({ except }, THEIRS), [true, false])
  assert.deepEqual(logs({ enabled: false, except }, OURS), [true, false])
  assert.deepEqual(logs({ enabled: false, except }, THEIRS), [false, true])
  // Neither its member nor a neighbour.
  assert.deepEqual(logs({ except }, 'EE/GOV/1'), [true, true])
  assert.deepEqual(logs({ except }, 'EE/GOV/1/other'), [true, true])
})

test('what names no subsystem is refused', () => {
  for (const id of ['EE/GOV/1', 'EE', '', 'EE/GOV/1/a/b'])
    assert.equal(bodyLoggingSchema.safeParse({ except: { localProducers: [id] } }).success, false, id)
  assert.equal(bodyLoggingSchema.safeParse({ exceptions: {} }).success, false)
})
