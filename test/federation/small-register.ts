// A register of a few rows, as a program: `node small-register.ts DATABASE PORT`. GET and PUT /persons/<code>; it knows nothing of embassies.
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'

const [file = '', port = ''] = process.argv.slice(2)
const db = new DatabaseSync(file)
db.exec(
  'PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS person (code TEXT PRIMARY KEY, street TEXT NOT NULL) STRICT',
)
const insert = db.prepare('INSERT OR IGNORE INTO person VALUES (?, ?)')
if (db.prepare('SELECT count(*) AS n FROM person').get()?.['n'] === 0)
  for (let code = 0; code < 300; code += 1) insert.run(String(code), 'Pikk 1')
const one = db.prepare('SELECT * FROM person WHERE code = ?')
const change = db.prepare('UPDATE person SET street = ? WHERE code = ?')

const server = createServer((request, response) => {
  const code = (request.url ?? '').slice('/persons/'.length)
  const answer = (status: number, value: unknown) => {
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify(value))
  }
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    if (request.method === 'PUT') change.run(String(JSON.parse(Buffer.concat(chunks).toString()).street), code)
    const found = one.get(code)
    answer(found === undefined ? 404 : 200, found ?? {})
  })
})
server.listen(Number(port), '127.0.0.1', () => console.log('{"ready":true}'))
process.stdin.resume().on('end', () => process.exit(0))
