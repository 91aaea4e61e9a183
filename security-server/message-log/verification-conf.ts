// GET /verificationconf: what judges a container apart from the container, as X-Road's verifier reads it (wire-message §8.4).
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { type BundledFile, writeZip, type ZipEntry } from '#evidence'
import type { GlobalConfiguration } from '#global-configuration'
import { fault, writeSoapFault } from '#protocol'
import type { EvidenceAnswer } from './index.ts'

const SHARED = 'shared-params.xml'

/**
 * Answers the request; never throws. As in X-Road, an expired configuration is not handed out: it is a SOAP fault then.
 *
 * @param configuration The current one, if there is any.
 */
export async function answerVerificationConf(
  configuration: GlobalConfiguration | undefined,
  at: Date,
): Promise<EvidenceAnswer> {
  if (configuration === undefined || configuration.isExpired(at)) {
    const outdated = fault(
      'server.clientproxy',
      'global_conf_outdated',
      'There is no valid global configuration to hand out',
    )
    return {
      status: 500,
      headers: { 'content-type': 'text/xml; charset=UTF-8' },
      body: Readable.from([writeSoapFault(outdated)]),
    }
  }
  return {
    status: 200,
    headers: { 'content-type': 'application/zip', 'content-disposition': 'filename="verificationconf.zip"' },
    body: writeZip(entries(configuration, at)),
  }
}

async function* entries(configuration: GlobalConfiguration, modifiedAt: Date): AsyncGenerator<ZipEntry> {
  for await (const { path, bytes } of verificationFiles(configuration))
    yield { name: `verificationconf/${path}`, modifiedAt, compress: true, body: bytes }
}

/**
 * Each instance's shared parameters and in which version they are; private parameters judge nothing. On disk they lie in
 * X-Road's layout already (wire-conf §2.7), in folders named by the instance.
 */
export async function* verificationFiles(configuration: GlobalConfiguration): AsyncGenerator<BundledFile> {
  const { directory } = configuration.file()
  for (const folder of await readdir(directory, { withFileTypes: true })) {
    // What begins with a dot is the configuration client's own (its verified originals).
    if (!folder.isDirectory() || folder.name.startsWith('.')) continue
    const shared = await readFile(join(directory, folder.name, SHARED))
    const metadata = await readFile(join(directory, folder.name, `${SHARED}.metadata`), 'utf8')
    const { configurationVersion } = JSON.parse(metadata) as { readonly configurationVersion: string }
    yield { path: `${folder.name}/${SHARED}`, bytes: shared }
    yield {
      path: `${folder.name}/${SHARED}.metadata`,
      bytes: Buffer.from(JSON.stringify({ configurationVersion })),
    }
  }
  yield { path: 'instance-identifier', bytes: Buffer.from(configuration.instance) }
}
