// The embassy, put together: what is opened in which order, and closed in the reverse one.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CENTRE, DecreeKeys } from '#continuity'
import {
  type Clock,
  closeHttp,
  type Lifecycle,
  type Log,
  listen,
  productVersion,
  runtimeSocket,
  serveControl,
  takeLock,
} from '#host'
import { connectSigner } from '#signer'
import { formatVerifierKey } from '#transparency'
import { decodeBase64, encodeBase64 } from '#trust'
import { readManifest } from '../ceremony-file.ts'
import type { EmbassyConfig } from '../config.ts'
import { type DecreeAnswer, type DecreeStanding, type EmbassyProcessStatus, embassyPaths } from '../contract.ts'
import { EmbassyError } from '../error.ts'
import { epochOf } from '../wire.ts'
import { Authority } from './authority.ts'
import { carrierServer } from './carrier.ts'
import { Mirrors } from './mirrors.ts'
import { OpeningRoom } from './opening-room.ts'
import { Standby } from './standby.ts'
import { AuthoredLogs } from './takeover.ts'

const CLOSE_MS = 2_000
const MAX_NOTE = 64 * 1024

const decreeRequest = z.strictObject({ note: z.string().min(1).max(MAX_NOTE) })
const base64 = z
  .base64()
  .max(4096)
  .transform((text) => decodeBase64(text) ?? new Uint8Array())
const shareRequest = z.strictObject({
  instance: z.string().max(128),
  version: z.int().min(1),
  custodian: z.string().min(1).max(128),
  salt: base64,
  share: base64,
})

export async function startEmbassy(config: EmbassyConfig, life: Lifecycle, log: Log, clock: Clock): Promise<void> {
  const { directory, instance, embassy, decrees } = config
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const lock = takeLock(join(directory, 'lock'), `an embassy with the state in ${directory}`)
  life.onStop('lock', () => lock.release())
  const manifest = await readManifest(config.ceremony.manifest, config.ceremony.keys, instance)
  const signer = await connectSigner({ ...config.signer, reconnect: true })
  life.onStop('signer', () => signer.close())
  const keys = new DecreeKeys(decrees.version, decrees.threshold, decrees.keys)
  const authority = await Authority.open({ directory: join(directory, 'authority'), instance, embassy, signer, keys })
  life.onStop('authority log', () => authority.close())
  const mirrors = await Mirrors.open({
    ...{ directory: join(directory, 'mirrors'), instance, signer, registers: config.registers, authority },
    keyName: `${instance}/mirror/${embassy.split('/').slice(1).join('/')}`,
  })
  life.onStop('mirrors', () => mirrors.close())
  const room = new OpeningRoom(manifest, clock)
  life.onStop('opening key', () => room.close())

  const authored = await AuthoredLogs.open({
    ...{ directory: join(directory, 'authored'), instance, signer, decreeKeys: keys, authority, log },
    recipients: [manifest.recipient, ...(config.returnRecipient === undefined ? [] : [config.returnRecipient])],
  })
  life.onStop('logs of take-overs', () => authored.close())
  const standbys = config.registers.flatMap(({ name, service }) =>
    service === undefined
      ? []
      : new Standby({
          ...{ register: name, instance, command: service.command, ...service.gate, work: config.work },
          ...{ mirrors, authority, room, log },
          takeOver: (decree, database) => authored.begin(decree, database),
        }),
  )
  for (const standby of standbys) {
    await standby.start()
    life.onStop('standby', () => standby.stop())
  }
  const follow = () => Promise.all(standbys.map((standby) => standby.follow()))

  const carrier = carrierServer({ mirrors, authored, instance, log })
  await listen(carrier, config.listen.host, config.listen.port)
  life.onStop('carrier', () => closeHttp(carrier, CLOSE_MS))

  const status = (): EmbassyProcessStatus => ({
    ...{ version: productVersion(), embassy },
    mirrorKey: mirrors.keys.verifierKeys.map(formatVerifierKey)[0] ?? '',
    mirrors: mirrors.all.map(({ origin, size }) => ({ origin, size, over: mirrors.ended(origin) !== undefined })),
    authority: { origin: authority.log.origin, decrees: authority.log.newest?.size ?? 0 },
    room: room.status(),
    standbys: standbys.map((standby) => standby.status()),
  })
  /** Whatever is in force: home's log, or the one that was written here. */
  const standing = async (subject: string): Promise<DecreeStanding> => {
    const decree = authority.recorded(subject)?.decree
    const epoch = decree?.epoch[1] ?? 1
    const facts = { instance, embassy, mode: decree?.to ?? ('SEALED' as const), epoch, keys: keys.version }
    if (subject === CENTRE) return facts
    const held = mirrors
      .heads(subject)
      .concat(authored.heads(subject))
      .filter(({ size }) => size > 0)
    const newest = held.sort((one, other) => epochOf(one.origin) - epochOf(other.origin)).at(-1)
    if (newest === undefined) throw new EmbassyError('unknown_register', `nothing of ${subject} was receipted here`)
    return { ...facts, predecessor: { ...newest, root: encodeBase64(newest.root) } }
  }
  const control = await serveControl({
    socket: runtimeSocket(directory, 'control'),
    log,
    routes(app) {
      app.get(embassyPaths.status, (_request, response) => void response.json(status()))
      app.get('/decrees/:subject/next', async (request, response) => {
        response.json(await standing(request.params.subject))
      })
      app.post(embassyPaths.decrees, async (request, response) => {
        const { note } = decreeRequest.parse(request.body)
        const { decree, index } = await authority.record(Buffer.from(note), clock.now())
        log.warn('a decree is recorded', { subject: decree.subject, mode: decree.to, epoch: decree.epoch[1], index })
        // Back to SEALED: nobody's shares stay here.
        if (!standbys.some(({ mode }) => mode === 'READ_ONLY' || mode === 'TAKEOVER')) room.close()
        void follow()
        response.json({
          subject: decree.subject,
          mode: decree.to,
          epoch: decree.epoch[1],
          index,
        } satisfies DecreeAnswer)
      })
      app.post(embassyPaths.shares, async (request, response) => {
        const share = shareRequest.parse(request.body)
        const told = await room.contribute(share)
        log.warn('a share was brought', { custodian: share.custodian, open: told.open })
        if (told.open) void follow()
        response.json(told)
      })
      app.post(embassyPaths.seal, async (_request, response) => {
        room.close()
        await follow()
        response.json(room.status())
      })
    },
  })
  life.onStop('control', () => control.close())
  log.info('embassy ready', { embassy, registers: config.registers.length })
}
