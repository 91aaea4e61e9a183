// Real authorities with fresh keys: signer, CA, OCSP responder and TSA as processes of their own, on a loopback address of this test's own.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { controlClient, runtimeSocket, type StorePlace } from '#host'
import type {
  CeremonyAnswer,
  IssuableProfile,
  IssueAnswer,
  IssueRequest,
  RevocationReason,
  RevokeAnswer,
} from '#pki/contract'
import { connectSigner, type KeyInfo, type SignerClient } from '#signer'
import { parseCertificate } from '#trust'
import { placeOf, storeConfig } from '../stores.ts'
import { freshAddress, startProcess, type TestProcess } from './process.ts'

export interface AuthoritiesOptions {
  /** Of the authorities' keys. */
  readonly algorithm?: KeyInfo['algorithm']
  /** Merged over the process's configuration file. */
  readonly ca?: object
  readonly ocsp?: object
  readonly tsa?: object
  /** False leaves the ceremony to the test. */
  readonly ceremony?: boolean
}

export interface Authorities {
  readonly caUrl: string
  readonly ocspUrl: string
  readonly tsaUrl: string
  /** Certificates, DER. */
  readonly root: Uint8Array
  readonly issuing: Uint8Array
  readonly ocspCertificate: Uint8Array
  readonly tsaCertificate: Uint8Array
  readonly directory: string
  /** Of the CA's store, for reading beside it. */
  readonly place: StorePlace
  readonly control: ReturnType<typeof controlClient>
  readonly signer: SignerClient
  readonly signerProcess: TestProcess
  readonly caProcess: TestProcess
  /** The certificate, DER. `more` overrides subject, names and life. */
  issue(profile: IssuableProfile, csr: Uint8Array, more?: Partial<IssueRequest>): Promise<Uint8Array>
  /** A certificate of theirs (DER or PEM), or its serial number in hexadecimal. */
  revoke(what: Uint8Array | string, reason?: RevocationReason): Promise<RevokeAnswer>
  /** Stopping one that is stopped, or starting one that runs, does nothing. */
  stopSigner(signal?: NodeJS.Signals): Promise<void>
  startSigner(): Promise<void>
  stopCa(signal?: NodeJS.Signals): Promise<void>
  startCa(): Promise<void>
  stopOcsp(signal?: NodeJS.Signals): Promise<void>
  startOcsp(): Promise<void>
  stopTsa(signal?: NodeJS.Signals): Promise<void>
  startTsa(): Promise<void>
  stop(): Promise<void>
}

/** A process that can be stopped and started again on the same state. */
function restartable(start: () => Promise<TestProcess>) {
  let running: TestProcess | undefined
  return {
    get process(): TestProcess {
      if (running === undefined) throw new Error('this process is stopped')
      return running
    },
    async start() {
      running ??= await start()
    },
    async stop(signal: NodeJS.Signals = 'SIGTERM') {
      const ending = running
      running = undefined
      await ending?.kill(signal)
    },
  }
}

/** Starts them under `directory` (made if need be, removed by the caller) and holds the ceremony. */
export async function startAuthorities(directory: string, options: AuthoritiesOptions = {}): Promise<Authorities> {
  const data = join(directory, 'data')
  const keys = join(directory, 'signer')
  await mkdir(data, { recursive: true, mode: 0o700 })
  await writeFile(join(directory, 'pin'), '1234-5678', { mode: 0o600 })

  const host = freshAddress()
  const [caUrl, ocspUrl, tsaUrl] = [`http://${host}:8091`, `http://${host}:8092`, `http://${host}:8093`]
  const signer = { socket: runtimeSocket(keys, 'signer'), tokenFile: join(keys, 'token') }
  const file = async (name: string, config: object): Promise<string> => {
    const path = join(directory, `${name}.yaml`)
    await writeFile(path, stringify(config))
    return path
  }
  const signerFile = await file('signer', { directory: keys, pin: { file: join(directory, 'pin') } })
  const store = storeConfig()
  const common = (port: number) => ({ directory: data, ...store, signer, listen: { host, port } })
  const keyAlgorithm = options.algorithm ?? 'EC-P256'
  const caFile = await file('ca', {
    ...common(8091),
    name: 'Test',
    country: 'EE',
    keyAlgorithm,
    ocspUrl,
    ...options.ca,
  })
  const ocspFile = await file('ocsp', { ...common(8092), ...options.ocsp })
  const tsaFile = await file('tsa', { ...common(8093), ...options.tsa })

  const signing = restartable(() => startProcess('signer/main.ts', ['--config', signerFile]))
  await signing.start()
  const authority = (name: string, config: string) =>
    restartable(() => startProcess('pki/main.ts', [name, '--config', config]))
  const [ca, ocsp, tsa] = [authority('ca', caFile), authority('ocsp', ocspFile), authority('tsa', tsaFile)]
  const stopAll = async () => {
    await Promise.all([ca.stop(), ocsp.stop(), tsa.stop()])
    await signing.stop()
  }
  try {
    await Promise.all([ca.start(), ocsp.start(), tsa.start()])
    const control = controlClient(runtimeSocket(data, 'ca'))
    const made = options.ceremony === false ? undefined : await control.post<CeremonyAnswer>('/ceremony')
    const client = await connectSigner(signer)
    const der = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64')
    return {
      caUrl,
      ocspUrl,
      tsaUrl,
      root: der(made?.root),
      issuing: der(made?.issuing),
      ocspCertificate: der(made?.ocsp),
      tsaCertificate: der(made?.tsa),
      directory: data,
      place: placeOf(store, data, 'ca'),
      control,
      signer: client,
      get signerProcess() {
        return signing.process
      },
      get caProcess() {
        return ca.process
      },
      async issue(profile, csr, more = {}) {
        const request = { profile, csr: Buffer.from(csr).toString('base64'), ...more }
        return der((await control.post<IssueAnswer>('/issue', request)).certificate)
      },
      async revoke(what, reason = 'keyCompromise') {
        const serialNumber = typeof what === 'string' ? what : parseCertificate(what).serialNumber.toString(16)
        return await control.post<RevokeAnswer>('/revoke', { serialNumber, reason })
      },
      stopSigner: signing.stop,
      startSigner: signing.start,
      stopCa: ca.stop,
      startCa: ca.start,
      stopOcsp: ocsp.stop,
      startOcsp: ocsp.start,
      stopTsa: tsa.stop,
      startTsa: tsa.start,
      async stop() {
        client.close()
        await stopAll()
      },
    }
  } catch (error) {
    await stopAll()
    throw error
  }
}
