// The door of signer/: how every other process reaches its keys.
import { setTimeout as pause } from 'node:timers/promises'
import { type Connection, openConnection } from './connection.ts'
import type {
  AuditEntry,
  ImportKeyInput,
  KeyInfo,
  SignCheckpointInput,
  SignedHead,
  SignerClient,
  SignerStatus,
  SignInput,
} from './contract.ts'
import { SignerError } from './error.ts'

export type * from './contract.ts'
export { KEY_ALGORITHMS, KEY_USES, NOTE_KEY_ALGORITHMS, NOTE_USES } from './contract.ts'
export { SignerError, type SignerErrorCode } from './error.ts'

/** How long a first connection waits for a signer that is only just starting beside us. */
const FIRST_CONNECT_MS = 10_000
const RETRY_MS = 100

export interface ConnectOptions {
  /** The signer's Unix socket. */
  readonly socket: string
  /** File with the token that admits to it; read again at each connection. */
  readonly tokenFile: string
  /**
   * Default true: the first connection waits up to 10 s for a signer that is starting, and a broken connection is made again by
   * the next call. False: one attempt, one connection.
   */
  readonly reconnect?: boolean
}

/**
 * Connects to a signer. Calls go out without waiting for each other; those under way when the connection breaks reject with
 * SignerError `signer_unavailable`.
 *
 * @throws {SignerError} `signer_unavailable`, `refused`
 */
export async function connectSigner(options: ConnectOptions): Promise<SignerClient> {
  const { socket, tokenFile, reconnect = true } = options
  let current = await first(socket, tokenFile, reconnect ? FIRST_CONNECT_MS : 0)
  let reconnecting: Promise<Connection> | undefined
  let closed = false

  /** One attempt for all calls that come while it runs. */
  const again = (): Promise<Connection> => {
    if (closed || !reconnect)
      return Promise.reject(new SignerError('signer_unavailable', 'the connection to the signer is closed'))
    reconnecting ??= openConnection(socket, tokenFile).then(
      (connection) => {
        reconnecting = undefined
        current = connection
        if (closed) connection.close()
        return connection
      },
      (error) => {
        reconnecting = undefined
        throw error
      },
    )
    return reconnecting
  }
  const call = (op: string, fields: string): Promise<unknown> =>
    current.open ? current.call(op, fields) : again().then((connection) => connection.call(op, fields))
  const request = (op: string, input: object = {}) => call(op, JSON.stringify(input).slice(1, -1))
  const bytes = (base64: unknown): Uint8Array => Buffer.from(base64 as string, 'base64')

  return {
    status: async () => (await request('status')) as SignerStatus,
    unlock: async (pin) => void (await request('unlock', { pin })),
    changePin: async (pin, newPin) => void (await request('changePin', { pin, newPin })),
    generate: async (input) => (await request('generate', input)) as KeyInfo,
    importKey: async (input) => (await request('importKey', encodedImport(input))) as KeyInfo,
    csr: async (input) => bytes(await request('csr', input)),
    selfSign: async (input) => bytes(await request('selfSign', input)),
    importCertificate: async (der) => (await request('importCertificate', { certificate: base64(der) })) as KeyInfo,
    keys: async () => (await request('keys')) as readonly KeyInfo[],
    sign: async (input) => bytes(await call('sign', signFields(input))),
    signCheckpoint: async (input) => (await request('signCheckpoint', encodedCheckpoint(input))) as string,
    signedHeads: async (key) => (await request('signedHeads', { key })) as readonly SignedHead[],
    releaseTlsKey: async (key) => (await request('releaseTlsKey', { key })) as string,
    audit: async (input) => (await request('audit', input)) as readonly AuditEntry[],
    close() {
      closed = true
      current.close()
    },
  }
}

async function first(socket: string, tokenFile: string, patience: number): Promise<Connection> {
  const until = Date.now() + patience
  for (;;) {
    try {
      return await openConnection(socket, tokenFile)
    } catch (error) {
      const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {}
      const starting = code === 'ENOENT' || code === 'ECONNREFUSED'
      if (!starting || Date.now() >= until) throw error
      await pause(RETRY_MS)
    }
  }
}

const PLAIN = /^[\w-]+$/

/** Two signatures per exchange go this way: ids, names and base64 need no escaping, so none is looked for. */
function signFields({ key, purpose, algorithm, data }: SignInput): string {
  if (!PLAIN.test(key) || !PLAIN.test(purpose) || !PLAIN.test(algorithm))
    throw new TypeError('key, purpose and algorithm are plain names')
  return `"key":"${key}","purpose":"${purpose}","algorithm":"${algorithm}","data":"${base64(data)}"`
}

function encodedImport({ pkcs8, pkcs12, ...rest }: ImportKeyInput): object {
  return { ...rest, ...(pkcs8 && { pkcs8: base64(pkcs8) }), ...(pkcs12 && { pkcs12: base64(pkcs12) }) }
}

function encodedCheckpoint({ checkpoint, proof, ...rest }: SignCheckpointInput): object {
  return { ...rest, checkpoint: base64(checkpoint), proof: proof.map(base64) }
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')
}
