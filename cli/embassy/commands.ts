// Commands about the data embassy: for custodians, for holders of decree keys, for whoever runs an agent or an embassy.
import type { Command, Option } from '../command.ts'

const json: Option = { help: 'answer as JSON, for programs' }
const output: Option = { value: 'FILE', short: 'o', help: 'write there instead of to the standard output' }
const pinFile: Option = { value: 'FILE', help: 'read the PIN of the key from there (- for the standard input)' }
const config: Option = {
  value: 'FILE',
  short: 'c',
  help: "the configuration file of the embassy's process (or the agent's)",
}

export const embassyCommands: readonly Command[] = [
  {
    name: 'custody ceremony',
    summary: 'Make an opening key that nobody holds, and a share of it for each custodian',
    options: {
      instance: { value: 'NAME', help: 'of the state: DEMO' },
      embassy: { value: 'ID', help: 'the subsystem that decrees name: DEMO/GOV/70000003/embassy' },
      version: { value: 'N', help: 'of the ceremony, one more than the last (default: 1)' },
      threshold: { value: 'K', help: 'so many custodians open' },
      custodian: {
        value: 'NAME=KEY',
        many: true,
        help: 'a custodian and the age recipient that is theirs (age1…), once for each',
      },
      output: { value: 'DIR', short: 'o', help: 'a new folder: the manifest, and a sealed share for each custodian' },
    },
    details: `
The key is made here, split, and forgotten: hold the ceremony on a machine of its own, without swap and network. What remains is
manifest.txt, which names the recipient that registers are sealed to and commits to every share, and NAME.share for each custodian,
which only their own key opens (Debian's age opens it too). Sign the manifest: saadik note sign.

  saadik custody ceremony --instance DEMO --embassy DEMO/GOV/70000003/embassy --threshold 3 \\
    --custodian Kask=age1… --custodian Saar=age1… --custodian Tamm=age1… --custodian Mets=age1… --custodian Kuusk=age1… -o ceremony/`,
    load: async () => (await import('./ceremony.ts')).ceremony,
  },
  {
    name: 'custody bring',
    summary: 'Open your own share and bring it to an embassy',
    takes: 'SHARE',
    positionals: [1, 1],
    options: { identity: { value: 'FILE', help: 'your own key, as age-keygen writes it' }, config, json },
    details: `
A decree alone opens nothing, and neither do shares: with both, registers are restored into memory and answer. A wrong share is
refused by name and does no harm to those that are there.

  saadik custody bring Kask.share --identity kask.key --config embassy.yaml`,
    load: async () => (await import('./share.ts')).bring,
  },
  {
    name: 'note keygen',
    summary: 'Make a key that signs decrees or manifests, for one person',
    takes: 'NAME',
    positionals: [1, 1],
    options: {
      output: { value: 'FILE', short: 'o', help: 'the key, encrypted with a PIN; beside it FILE.pub, for everybody' },
      'pin-file': pinFile,
    },
    details: `
NAME is what others know the key by: DEMO/decree/Kask. The key is Ed25519 in PKCS#8, encrypted; keep it where the share is not.

  saadik note keygen DEMO/decree/Kask -o kask.key`,
    load: async () => (await import('./holder-key.ts')).keygen,
  },
  {
    name: 'note sign',
    summary: 'Add your signature to a decree or a manifest',
    takes: 'FILE',
    positionals: [1, 1],
    options: { key: { value: 'FILE', help: 'your key (saadik note keygen)' }, 'pin-file': pinFile, output },
    details: `
FILE is a text, or one that others have signed already. It is shown before it is signed. Without -o it is signed in place.

  saadik note sign decree.txt --key kask.key`,
    load: async () => (await import('./note.ts')).sign,
  },
  {
    name: 'decree write',
    summary: 'Write a decree, to be signed by the holders of decree keys',
    options: {
      config,
      register: { value: 'NAME', help: 'the register, or CENTRE' },
      to: { value: 'MODE', help: 'SEALED, READ_ONLY, TAKEOVER; for the centre RELAY' },
      hours: { value: 'N', help: 'for so long it can be recorded (default: 12)' },
      output,
    },
    details: `
What it changes from, the epoch and the predecessor are as the embassy has them now. It counts when more than half of the holders have
signed it and the embassy has recorded it.

  saadik decree write --config embassy.yaml --register population-register --to READ_ONLY -o decree.txt`,
    load: async () => (await import('./decree.ts')).write,
  },
  {
    name: 'decree record',
    summary: 'Bring a signed decree to an embassy, which carries it out',
    takes: 'FILE',
    positionals: [1, 1],
    options: { config, json },
    details: `
From here on the embassy receipts nothing of the epoch that the decree ends. The first decree of an epoch counts; one that contradicts
it is kept as evidence.

  saadik decree record decree.txt --config embassy.yaml`,
    load: async () => (await import('./decree.ts')).record,
  },
  {
    name: 'embassy status',
    summary: 'Show what an embassy keeps, or what an agent has sent',
    options: { config, json },
    details: 'Exit code: 0 when everything is as it should be, 1 otherwise.',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'embassy seal',
    summary: 'Close what custodians have opened, at once, without a decree',
    options: { config },
    details:
      'Shares and key are forgotten, programs end, restored files are removed. Opening again takes the custodians again.',
    load: async () => (await import('./status.ts')).seal,
  },
]
