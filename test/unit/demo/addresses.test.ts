import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import test from 'node:test'
import { checkAddresses } from '../../../demo/addresses.ts'
import { DemoError } from '../../../demo/error.ts'
import { layoutOf, listeners } from '../../../demo/layout.ts'

test('a port in use is named, with whom it was for and what to do', {
  skip: process.platform !== 'linux' && 'only Linux has all of 127.0.0.0/8',
}, async (t) => {
  const layout = layoutOf('/nowhere', `127.${10 + (process.pid % 200)}.${1 + (process.pid % 253)}`)
  await checkAddresses(layout)
  const squatter = createServer()
  await new Promise<void>((done) => squatter.listen(8080, `${layout.base}.12`, done))
  t.after(() => squatter.close())
  await assert.rejects(checkAddresses(layout), (error) => {
    assert.ok(error instanceof DemoError && error.code === 'port_in_use')
    assert.match(
      error.message,
      new RegExp(`${layout.base.replaceAll('.', '\\.')}\\.12:8080  for the security server customs`),
    )
    assert.doesNotMatch(error.message, /8443/)
    return true
  })
})

test('no two processes share an address and port', () => {
  const all = listeners(layoutOf('/nowhere', '127.0.0')).map(({ host, port }) => `${host}:${port}`)
  assert.equal(new Set(all).size, all.length)
  assert.equal(all.length, 6 + 3 * 6)
})
