// The signer as this room needs it. A signer that is not there yet, or no longer, is no reason not to give out what is published:
// the connection is made by the first call that needs it, and tried again by the next.
import { type ConnectOptions, connectSigner, type SignerClient } from '#signer'

export type ConfigurationSigner = Pick<SignerClient, 'generate' | 'selfSign' | 'sign'>

/** Calls reject with SignerError `signer_unavailable` while nobody answers at the socket. */
export function configurationSigner(options: ConnectOptions): ConfigurationSigner & { close(): void } {
  let connection: Promise<SignerClient> | undefined
  const connected = (): Promise<SignerClient> => {
    connection ??= connectSigner({ ...options, reconnect: true }).catch((error) => {
      connection = undefined
      throw error
    })
    return connection
  }
  return {
    generate: async (input) => (await connected()).generate(input),
    selfSign: async (input) => (await connected()).selfSign(input),
    sign: async (input) => (await connected()).sign(input),
    close() {
      void connection?.then(
        (client) => client.close(),
        () => undefined,
      )
    },
  }
}
