// A folder, a clock, a log and clients over them; all gone at the end of the test.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type AllowedFederations, type ConfigurationClient, openConfiguration } from '#global-configuration'
import type { Log } from '#host'
import { type Anchor, writeAnchor } from '#protocol'
import { TestSource } from './source.ts'

export interface Bench {
  readonly folder: string
  readonly directory: string
  now: Date
  readonly lines: string[]
  source(): Promise<TestSource>
  /** The previous client is stopped. An hour between its own downloads: tests say when. */
  open(anchor: Anchor, allowedFederations?: AllowedFederations): Promise<ConfigurationClient>
}

export async function bench(t: TestContext): Promise<Bench> {
  const folder = await mkdtemp(join(tmpdir(), 'saadik-configuration-'))
  const sources: TestSource[] = []
  let client: ConfigurationClient | undefined
  t.after(async () => {
    client?.stop()
    await Promise.all(sources.map((source) => source.close()))
    await rm(folder, { recursive: true, force: true })
  })
  const lines: string[] = []
  const line = (level: string) => (message: string, meta?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(meta ?? {})}`)
  const log: Log = { error: line('error'), warn: line('warn'), info: line('info'), debug: line('debug') }
  const made: Bench = {
    folder,
    directory: join(folder, 'configuration'),
    now: new Date('2030-01-01T00:00:00Z'),
    lines,
    async source() {
      const source = await new TestSource().open()
      sources.push(source)
      return source
    },
    async open(anchor, allowedFederations) {
      client?.stop()
      const anchorFile = join(folder, 'anchor.xml')
      await writeFile(anchorFile, writeAnchor(anchor))
      client = await openConfiguration({
        anchorFile,
        directory: made.directory,
        intervalSeconds: 3600,
        ...(allowedFederations !== undefined && { allowedFederations }),
        clock: { now: () => made.now },
        log,
      })
      return client
    },
  }
  return made
}
