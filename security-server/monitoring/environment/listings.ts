// What only other programs know: processes and packages of this machine. Asked when somebody wants them, at most once a minute.
import { execFile } from 'node:child_process'
import { readFile, statfs } from 'node:fs/promises'
import { userInfo, version } from 'node:os'
import { parse } from 'node:path'
import type { EnvironmentMetric, MetricSet } from './metric-set.ts'

const KEEP_MS = 60_000
const PROGRAM_MS = 5_000
const MAX_BYTES = 8 * 1024 * 1024
const PS_COLUMNS = ['userId', 'cpuLoad', 'startTime', 'memUsed', 'processId', 'command'] as const

export class Listings {
  readonly #kept = new Map<string, { readonly until: number; readonly value: Promise<EnvironmentMetric[]> }>()

  operatingSystem(): Promise<EnvironmentMetric[]> {
    return this.#keep('OperatingSystem', async () => {
      const value = await readFile('/proc/version', 'utf8').catch(version)
      return [{ name: 'OperatingSystem', value: value.trim() }]
    })
  }

  diskSpace(): Promise<EnvironmentMetric[]> {
    return this.#keep('DiskSpace', async () => {
      const { root } = parse(process.cwd())
      const disk = await statfs(root)
      return [
        { name: `DiskSpaceTotal_${root}`, value: String(disk.blocks * disk.bsize) },
        { name: `DiskSpaceFree_${root}`, value: String(disk.bfree * disk.bsize) },
      ]
    })
  }

  processes(): Promise<EnvironmentMetric[]> {
    return this.#keep('Processes', async () => [
      processSet('Processes', await run('ps', ['-ew', '--format', 'user,pcpu,start_time,pmem,pid,comm'])),
    ])
  }

  /** Ours: what runs on Node under this server's user. Their command lines have no secrets, by design. */
  ownProcesses(): Promise<EnvironmentMetric[]> {
    return this.#keep('Xroad Processes', async () => {
      const user = String(userInfo().uid)
      const listed = await run('ps', ['-ww', '-u', user, '--format', 'user,pcpu,start_time,pmem,pid,command'])
      const [head = '', ...lines] = listed.split('\n')
      return [processSet('Xroad Processes', [head, ...lines.filter((line) => /\bnode\b/.test(line))].join('\n'))]
    })
  }

  packages(): Promise<EnvironmentMetric[]> {
    return this.#keep('Packages', async () => {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg's own placeholders.
      const debian = run('dpkg-query', ['--show', '--showformat', '${Package}/${Version}\n'])
      const listed = await debian.catch(() => run('rpm', ['-qa', '--queryformat', '%{NAME}/%{VERSION}-%{RELEASE}\n']))
      const metrics = listed
        .split('\n')
        .filter((line) => line.includes('/'))
        .map((line) => ({ name: line.slice(0, line.indexOf('/')), value: line.slice(line.indexOf('/') + 1) }))
      return [{ name: 'Packages', metrics }]
    })
  }

  /** A machine that cannot tell has nothing of that name; that is no failure of the rest. */
  #keep(name: string, read: () => Promise<EnvironmentMetric[]>): Promise<EnvironmentMetric[]> {
    const now = performance.now()
    const kept = this.#kept.get(name)
    if (kept !== undefined && kept.until > now) return kept.value
    const value = read().catch(() => [])
    this.#kept.set(name, { until: now + KEEP_MS, value })
    return value
  }
}

function processSet(name: string, listed: string): MetricSet {
  const metrics: MetricSet[] = []
  for (const line of listed.split('\n').slice(1)) {
    const found = /^\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\d+)\s+(.+)$/.exec(line)
    if (found === null) continue
    const value = new Map(PS_COLUMNS.map((column, index) => [column, found[index + 1] ?? '']))
    metrics.push({
      name: value.get('processId') ?? '',
      metrics: (['processId', 'command', 'cpuLoad', 'memUsed', 'startTime', 'userId'] as const).map((column) => ({
        name: column,
        value: value.get(column) ?? '',
      })),
    })
  }
  return { name, metrics }
}

/** No shell, an environment with a path and nothing of ours. */
function run(program: string, args: readonly string[]): Promise<string> {
  const options = {
    timeout: PROGRAM_MS,
    maxBuffer: MAX_BYTES,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' },
  }
  return new Promise((resolve, reject) => {
    execFile(program, args, options, (error, stdout) => (error === null ? resolve(stdout) : reject(error)))
  })
}
