// The signer, assembled, and its socket.
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Clock, type Log, listenUnix, productVersion, runtimeSocket, takeLock, writeFileDurable } from '#host'
import { openAudit } from './audit.ts'
import { openCertificates } from './certificates.ts'
import type { SignerConfig } from './config.ts'
import { SignerError } from './error.ts'
import { readPin } from './pin.ts'
import { createService, type Service, type Session } from './service.ts'
import { openSignedHeads } from './signed-heads.ts'
import { openSoftwareToken } from './tokens/software.ts'
import { unlocker } from './unlock.ts'
import { frameReader, frameWriter, PROTOCOL_VERSION, type Request } from './wire.ts'

/** A connection says hello within this, or is cut. */
const HELLO_WITHIN_MS = 5_000
const MAX_CONNECTIONS = 256
/** Requests of one connection under way; beyond it the signer stops reading from that connection until some are answered. */
const MAX_UNDER_WAY = 1024
const BASE64 = /^[A-Za-z0-9+/=]*$/

export interface RunningSigner {
  readonly socket: string
  readonly tokenFile: string
  close(): Promise<void>
}

/**
 * Opens the stores, takes the PIN where the configuration has one, listens.
 *
 * @throws {HostError} `already_running`; {SignerError} `pin_incorrect`, `pin_blocked`, `store_failed`
 */
export async function startSigner(config: SignerConfig, log: Log, clock: Clock): Promise<RunningSigner> {
  const { directory } = config
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const lock = takeLock(join(directory, 'lock'), `the signer of ${directory}`)
  const tokenFile = config.tokenFile ?? join(directory, 'token')
  const secret = await accessToken(tokenFile)
  const token = await openSoftwareToken(directory, clock, log)
  const certificates = await openCertificates(directory, log)
  const heads = await openSignedHeads(directory)
  const audit = await openAudit(config.audit ?? join(directory, 'audit'), clock)
  const attempts = unlocker(directory, token, clock)
  const service = createService({
    version: productVersion(),
    token,
    certificates,
    heads,
    audit,
    unlocker: attempts,
    clock,
  })
  audit.record({ op: 'start', outcome: 'ok' })
  if (config.pin !== undefined) {
    const pin = await readPin(config.pin, !token.hasPin, log)
    // Through the same operation as over the socket: counted, audited.
    await service.handle({ id: 0, op: 'unlock', pin: pin.toString('utf8') }, { released: new Set() })
    pin.fill(0)
  }
  await audit.flush()

  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, service, secret, log, () => audit.record({ op: 'hello', outcome: 'refused' }))
  })
  server.maxConnections = MAX_CONNECTIONS
  const socket = config.socket ?? runtimeSocket(directory, 'signer')
  const stopListening = await listenUnix(server, socket, `the signer of ${directory}`)
  log.info(token.unlocked ? 'unlocked' : 'locked, waiting for the PIN', { keys: token.keys().length, socket })
  return {
    socket,
    tokenFile,
    async close() {
      const stopped = stopListening()
      for (const each of sockets) each.destroy()
      await stopped
      audit.record({ op: 'stop', outcome: 'ok' })
      await audit.close()
      lock.release()
    },
  }
}

/** What admits to the socket, beside its file mode: made once, 256 bits. */
async function accessToken(file: string): Promise<Buffer> {
  if (!existsSync(file)) await writeFileDurable(file, `${randomBytes(32).toString('base64url')}\n`, 0o600)
  const text = readFileSync(file, 'utf8').trim()
  if (text.length < 32)
    throw new SignerError('store_failed', `${file} holds no token; remove it to have a new one made`)
  return fingerprint(text)
}

/** Tokens are compared by digest: equal lengths, in constant time. */
function fingerprint(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}

/** One connection: hello first, then requests, answered as they are done. */
function serve(socket: Socket, service: Service, secret: Buffer, log: Log, onRefusal: () => void): void {
  const write = frameWriter(socket)
  const session: Session = { released: new Set() }
  let admitted: 'not yet' | 'yes' | 'refused' = 'not yet'
  let underWay = 0

  const late = setTimeout(() => socket.destroy(), HELLO_WITHIN_MS)
  socket.once('close', () => clearTimeout(late))

  const answer = (id: number, ok: unknown) => {
    // Signatures are most of what is sent, and their base64 needs no escaping.
    if (typeof ok === 'string' && BASE64.test(ok)) write(`{"id":${id},"ok":"${ok}"}`)
    else write(JSON.stringify({ id, ok: ok ?? null }))
  }
  const refuse = (id: number, error: unknown) => {
    if (!(error instanceof SignerError)) log.error('an operation failed', { error })
    else if (error.code === 'store_failed' || error.code === 'internal_error')
      log.error(error.message, { cause: error.cause })
    const { code, message } =
      error instanceof SignerError ? error : { code: 'internal_error', message: "see the signer's log" }
    write(JSON.stringify({ id, error: { code, message } }))
  }
  const hello = ({ op, version, token }: Request) => {
    if (op !== 'hello' || typeof token !== 'string' || !timingSafeEqual(fingerprint(token), secret)) {
      onRefusal()
      throw new SignerError('refused', 'the token does not admit to this signer')
    }
    if (version !== PROTOCOL_VERSION)
      throw new SignerError('refused', `this signer speaks version ${PROTOCOL_VERSION} of its protocol`)
    clearTimeout(late)
    admitted = 'yes'
    return { version: PROTOCOL_VERSION }
  }
  const finished = () => {
    underWay -= 1
    if (underWay === MAX_UNDER_WAY) socket.resume()
  }

  const read = frameReader((json) => {
    if (admitted === 'refused') return
    const request = parseRequest(json)
    const { id } = request
    try {
      if (admitted === 'not yet') return answer(id, hello(request))
      const done = service.handle(request, session)
      if (!(done instanceof Promise)) return answer(id, done)
      underWay += 1
      if (underWay > MAX_UNDER_WAY) socket.pause()
      done
        .then(
          (ok) => answer(id, ok),
          (error) => refuse(id, error),
        )
        .finally(finished)
    } catch (error) {
      refuse(id, error)
      if (admitted === 'yes') return
      // Nothing that follows is read any more; the refusal itself is still sent.
      admitted = 'refused'
      socket.end()
    }
  })
  socket.on('data', (chunk: Buffer) => {
    try {
      read(chunk)
    } catch (error) {
      // Not the protocol: whoever it is gets no second chance.
      log.warn('a connection was cut', { reason: (error as Error).message })
      socket.destroy()
    }
  })
  socket.on('error', (error) => log.debug('a connection broke', { reason: error.message }))
}

function parseRequest(json: string): Request {
  const value = JSON.parse(json) as Partial<Request> | null
  if (typeof value !== 'object' || value === null || !Number.isSafeInteger(value.id) || typeof value.op !== 'string') {
    throw new SignerError('bad_request', 'a request has id and op')
  }
  return value as Request
}
