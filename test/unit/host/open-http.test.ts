// What strangers get from an open HTTP application, and how a listener ends.
import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import test, { type TestContext } from 'node:test'
import express, { type Express } from 'express'
import { closeHttp, discreet, type Log, lastResort, listen, notFound } from '#host'

interface Line {
  readonly message: string
  readonly meta: Readonly<Record<string, unknown>>
}

async function served(t: TestContext, routes: (app: Express) => void): Promise<{ url: string; logged: Line[] }> {
  const logged: Line[] = []
  const note = (message: string, meta: object = {}) => void logged.push({ message, meta: { ...meta } })
  const log: Log = { error: note, warn: note, info: note, debug: note }
  const app = discreet(express())
  routes(app)
  app.use(notFound, lastResort(log))
  const server = createServer(app)
  const { port } = await listen(server, '127.0.0.1', 0)
  t.after(() => closeHttp(server, 0))
  return { url: `http://127.0.0.1:${port}`, logged }
}

test('an error inside is logged and not told; what the request did wrong keeps its status', async (t) => {
  const { url, logged } = await served(t, (app) => {
    app.get('/broken', () => {
      throw new Error('open /secret/path')
    })
    app.post('/json', express.json(), (_request, response) => void response.send('taken'))
  })
  const broken = await fetch(`${url}/broken`)
  assert.deepEqual([broken.status, await broken.text()], [500, 'internal error\n'])
  assert.equal(broken.headers.get('x-powered-by'), null)
  assert.equal(logged.length, 1)
  assert.match(String(logged[0]?.meta['error']), /secret/)

  const malformed = await fetch(`${url}/json`, {
    method: 'POST',
    body: '{',
    headers: { 'Content-Type': 'application/json' },
  })
  assert.deepEqual([malformed.status, await malformed.text()], [400, 'bad request\n'])
  const missing = await fetch(`${url}/nothing`)
  assert.deepEqual([missing.status, await missing.text()], [404, 'not found\n'])
  assert.equal(logged.length, 1)
})

test('a listener that ends waits for the answer under way, and cuts one that never comes', async () => {
  const answers: (() => void)[] = []
  const server = createServer((_request, response) => void answers.push(() => response.end('out')))
  const { port } = await listen(server, '127.0.0.1', 0)
  const asked = () =>
    new Promise<string>((resolve) => {
      request({ host: '127.0.0.1', port }, (response) => {
        response.setEncoding('utf8').once('data', resolve)
      })
        .once('error', () => resolve('cut'))
        .end()
    })
  const [first, second] = [asked(), asked()]
  while (answers.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
  const closed = closeHttp(server, 200)
  answers[0]?.()
  const outcomes = await Promise.all([first, second])
  await closed
  assert.deepEqual(outcomes.sort(), ['cut', 'out'])
})
