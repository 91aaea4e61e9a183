// Whose name is it? The land register keeps personal codes and asks the population register for the rest, through its own security
// server, as any institution asks another. It knows of X-Road what saadik/client knows.
import { createClient, type MessageOptions } from '#client'
import { SoapFault } from '../soap/fault.ts'

/** A caller of the land register waits for this too. */
const ASK_WITHIN_MS = 20_000

export interface Name {
  readonly givenName: string
  readonly surname: string
}

export interface Names {
  /**
   * The name that a person has now; undefined for a code that the population register does not know. `onBehalf` says for whom and in
   * which matter it is asked.
   *
   * @throws SoapFault `names_unavailable`: the population register cannot be asked now, and half an answer is none.
   */
  of(personalCode: string, onBehalf: Pick<MessageOptions, 'userId' | 'issue'>): Promise<Name | undefined>
  close(): void
}

/** `client` is the land register's own subsystem, `persons` the service that it asks. */
export function namesFrom(options: { securityServer: string; client: string; persons: string }): Names {
  const { securityServer, client, persons } = options
  const xroad = createClient({ securityServer, client })
  const service = xroad.service(persons)
  return {
    async of(personalCode, onBehalf) {
      const signal = AbortSignal.timeout(ASK_WITHIN_MS)
      try {
        const answer = await service.get('/persons/{personalCode}', { path: { personalCode }, ...onBehalf, signal })
        if (answer.status === 404) return undefined
        if (answer.ok && isName(answer.data)) return answer.data
        throw new Error(`it answered with status ${answer.status}`)
      } catch (cause) {
        throw new SoapFault('Server', 'names_unavailable', 'the population register cannot be asked now', { cause })
      }
    },
    close: () => xroad.close(),
  }
}

function isName(value: unknown): value is Name {
  if (typeof value !== 'object' || value === null) return false
  const { givenName, surname } = value as Partial<Record<keyof Name, unknown>>
  return typeof givenName === 'string' && typeof surname === 'string'
}
