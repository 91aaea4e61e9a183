// A security server is open for business when its services are applied and its health says so.
import { request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { applyServices } from './enrolment.ts'
import { DemoError } from './error.ts'
import { type Layout, PORTS, type ServerLayout } from './layout.ts'

const HEALTHY_WITHIN = 30_000
const ASK_WITHIN = 2000
const MAX_ANSWER = 64 * 1024

export const healthUrl = ({ host }: Pick<ServerLayout, 'host'>) => `http://${host}:${PORTS.health}/`

/** Applies server.yaml and waits for health; returns what changed. Throws DemoError `not_ready` with the checks that fail. */
export async function openServer(layout: Layout, server: ServerLayout): Promise<readonly string[]> {
  const changes = await applyServices(layout, server)
  let last = { healthy: false, text: '' }
  for (const until = Date.now() + HEALTHY_WITHIN; Date.now() < until; await pause(50)) {
    last = await askHealth(healthUrl(server))
    if (last.healthy) return changes
  }
  throw new DemoError(
    'not_ready',
    `security server ${server.code} is not healthy after ${HEALTHY_WITHIN / 1000} s: ${last.text}`,
  )
}

/** Asks a health port; no answer in time is no health. */
export function askHealth(url: string): Promise<{ healthy: boolean; text: string }> {
  return new Promise((resolve) => {
    const asked = request(url, { signal: AbortSignal.timeout(ASK_WITHIN) }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        if (text.length < MAX_ANSWER) text += chunk
      })
      response.on('end', () => resolve({ healthy: response.statusCode === 200, text }))
      response.on('error', (error) => resolve({ healthy: false, text: error.message }))
    })
    asked.once('error', (error) => resolve({ healthy: false, text: error.message }))
    asked.end()
  })
}
