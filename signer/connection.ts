// One connection to a signer, from hello to its end.
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { knownCode, SignerError } from './error.ts'
import { type Answer, frameReader, frameWriter, PROTOCOL_VERSION } from './wire.ts'

/** A signer that says nothing for so long while calls wait is taken for dead; making an RSA-4096 key takes some seconds. */
const SILENCE_MS = 60_000

interface Pending {
  readonly resolve: (ok: unknown) => void
  readonly reject: (error: SignerError) => void
}

export interface Connection {
  readonly open: boolean
  /** `fields` is JSON without braces, as `"key":"…"`, or empty: the signing path writes its own, without escaping base64. */
  call(op: string, fields: string): Promise<unknown>
  close(): void
}

/** Connects, shows the token, resolves when the signer has accepted it. Rejects with SignerError `signer_unavailable` or `refused`. */
export async function openConnection(path: string, tokenFile: string): Promise<Connection> {
  const token = await readToken(tokenFile)
  const socket = await connected(path)
  const connection = converse(socket)
  try {
    await connection.call('hello', `"version":${PROTOCOL_VERSION},"token":${JSON.stringify(token)}`)
    return connection
  } catch (error) {
    connection.close()
    throw error
  }
}

async function readToken(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (cause) {
    throw new SignerError('signer_unavailable', `the signer's token cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function connected(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', (cause) =>
      reject(new SignerError('signer_unavailable', `the signer cannot be reached: ${cause.message}`, { cause })),
    )
  })
}

function converse(socket: Socket): Connection {
  const pending = new Map<number, Pending>()
  let next = 0
  let open = true
  let heard = Date.now()

  const end = (error: SignerError) => {
    if (!open) return
    open = false
    clearInterval(watch)
    socket.destroy()
    for (const { reject } of pending.values()) reject(error)
    pending.clear()
  }
  const watch = setInterval(() => {
    if (pending.size > 0 && Date.now() - heard > SILENCE_MS) {
      end(new SignerError('signer_unavailable', `the signer has not answered for ${SILENCE_MS / 1000} s`))
    }
  }, SILENCE_MS / 4).unref()

  const write = frameWriter(socket)
  const read = frameReader((json) => {
    const answer = JSON.parse(json) as Answer
    const call = pending.get(answer.id)
    if (call === undefined) return
    pending.delete(answer.id)
    if ('error' in answer) call.reject(new SignerError(knownCode(answer.error.code), answer.error.message))
    else call.resolve(answer.ok)
  })
  socket.on('data', (chunk: Buffer) => {
    heard = Date.now()
    try {
      read(chunk)
    } catch (cause) {
      end(new SignerError('signer_unavailable', 'what answers on this socket is not a signer', { cause }))
    }
  })
  socket.on('error', (cause) =>
    end(new SignerError('signer_unavailable', `the connection to the signer broke: ${cause.message}`, { cause })),
  )
  socket.on('close', () => end(new SignerError('signer_unavailable', 'the signer closed the connection')))

  return {
    get open() {
      return open
    },
    call(op, fields) {
      return new Promise((resolve, reject) => {
        if (!open) return reject(new SignerError('signer_unavailable', 'the connection to the signer is closed'))
        const id = next++
        // The clock of silence starts with the first call after a pause.
        if (pending.size === 0) heard = Date.now()
        try {
          write(fields === '' ? `{"id":${id},"op":"${op}"}` : `{"id":${id},"op":"${op}",${fields}}`)
        } catch (error) {
          return reject(error)
        }
        pending.set(id, { resolve, reject })
      })
    },
    close: () => end(new SignerError('signer_unavailable', 'the connection to the signer was closed')),
  }
}
