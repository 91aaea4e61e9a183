// An agent of a register on PostgreSQL, to be killed: captures, seals, spools, and says that what is spooled is safe. Run with one argument, its settings as JSON.
import { Recipients } from '#continuity'
import { createLog, type DatabaseSettings } from '#host'
import { connectSigner } from '#signer'
import { Author } from '../../../data-embassy/authoring/author.ts'
import { batches } from '../../../data-embassy/home/batching.ts'
import { PostgresSource } from '../../../data-embassy/register/postgres/source.ts'

export interface AgentToKill {
  readonly settings: DatabaseSettings
  readonly slot: string
  readonly directory: string
  readonly origin: string
  readonly socket: string
  readonly tokenFile: string
  readonly recipient: string
}

const { settings, slot, directory, origin, socket, tokenFile, recipient } = JSON.parse(
  process.argv[2] ?? '',
) as AgentToKill
const log = createLog({ process: 'agent', level: 'error' })
const signer = await connectSigner({ socket, tokenFile })
const recipients = new Recipients([recipient])
const author = await Author.open({ directory, instance: 'DEMO', origin, signer, recipients })
const source = new PostgresSource({ settings, slot, synchronous: true, log })
for await (const batch of batches(source.changes(author.position, new AbortController().signal))) {
  await author.write(batch)
  const last = batch.at(-1)
  if (last?.complete) await source.confirm(last.change.position)
}
