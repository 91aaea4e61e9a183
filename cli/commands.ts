// Every command of `saadik`. The table is all that is loaded before a command is known; each names the module that runs it.
import type { Command, Option } from './command.ts'
import { embassyCommands } from './embassy/commands.ts'

const json: Option = { help: 'answer as JSON, for programs' }
const server: Option = {
  value: 'NAME',
  short: 's',
  help: 'a process of the demo nearby: interior, customs, embassy, central-server, pki',
}
const config: Option = { value: 'FILE', short: 'c', help: "the process's configuration file, anywhere" }
const dir: Option = { value: 'DIR', help: "the demo's state (default: .saadik here or in a folder above)" }
const output: Option = { value: 'FILE', short: 'o', help: 'write there instead of to the standard output' }
const where = { server, config, dir } as const
const logPolicy: Option = {
  value: 'FILE',
  help: 'believe the logs and witnesses of this tlog-policy instead of the keys that the server names',
}

/** Whom to believe, of whatever time. */
const whom = {
  anchor: {
    value: 'FILE',
    help: "believe whom this anchor's configuration names; downloaded unless it is at hand",
  },
  configuration: {
    value: 'DIR',
    many: true,
    help: 'stored signed configurations that the anchor vouches for: a folder, a zip, a bundle (several times)',
  },
  conf: {
    value: 'DIR',
    many: true,
    help: 'believe this copy of a configuration, unsigned: what GET /verificationconf gives (several times)',
  },
  pinned: { value: 'FILE', many: true, help: 'believe whom this list of your own names (several times)' },
} as const
const authorities = {
  tsa: {
    value: 'URL',
    help: "the time-stamping authority; it must be one of the configuration's (default: those in turn)",
  },
} as const

const reportFile: Option = { value: 'FILE', help: 'write all of it there, as JSON' }
const compared = {
  with: { value: 'ID', help: 'the other party: a member, or one of its subsystems' },
  as: { value: 'ID', help: 'whose exchanges: a member or subsystem of this server (default: its only member)' },
  from: { value: 'TIME', help: 'logged at or after it: 2026-03-01, 2026-03-01T12:30Z; UTC unless it says otherwise' },
  to: { value: 'TIME', help: 'logged before it; a day is meant to its end (default: now, less the margin)' },
  margin: {
    value: 'SECONDS',
    help: 'compared beyond each end too, because clocks differ; what is alone there is no finding (default: 900)',
  },
} as const
const comparedPolicy: Option = {
  value: 'FILE',
  help: 'believe the logs and witnesses of this tlog-policy; without it each side vouches for its own log',
}
const comparedKey: Option = { value: 'FILE', help: "the key of both parties; 'saadik reconcile key' makes one" }

export const commands: readonly Command[] = [
  {
    name: 'demo up',
    summary: 'Start a whole country on this machine and send its first message',
    options: {
      dir: { value: 'DIR', help: 'where its state is kept (default: .saadik)' },
      base: { value: 'A.B.C', help: 'the first three numbers of its loopback addresses (default: 127.0.0)' },
    },
    details: `
A certificate authority with OCSP responder and time-stamping authority, a central server, three security servers and a
population register, each a process of its own. The state is kept: a second start goes on where the first one stopped.
It runs until Ctrl-C.

  saadik demo up
  saadik demo up --dir /tmp/country`,
    load: async () => (await import('./demo.ts')).demo('up'),
  },
  {
    name: 'demo status',
    summary: 'Show what of the demo runs, where, and what can be called',
    options: { dir: { value: 'DIR', help: 'where its state is kept (default: .saadik)' }, json },
    details: 'Exit code: 0 when every process is there and healthy, 1 otherwise.',
    load: async () => (await import('./demo.ts')).demo('status'),
  },
  {
    name: 'demo reset',
    summary: 'Remove the state of a demo that does not run',
    options: { dir: { value: 'DIR', help: 'where its state is kept (default: .saadik)' }, json },
    details: 'Keys, certificates, message log and register are gone afterwards. Refused while the demo runs.',
    load: async () => (await import('./demo.ts')).demo('reset'),
  },
  {
    name: 'verify',
    summary: 'Verify evidence: containers, bundles, archives, whole folders of them',
    takes: 'FILE|FOLDER…',
    positionals: [1, 10_000],
    options: {
      ...whom,
      after: { value: 'DIGEST', help: "where the archives must go on from; 'first' when there is none before" },
      'second-opinion': { help: 'let xmlsec1 and xml-crypto judge each signature too; any disagreement fails' },
      report: { value: 'FILE', help: 'write a printable page (HTML) too' },
      'sign-report': { value: 'FILE', help: 'sign that page with your key and certificate (PEM): FILE.p7s beside it' },
      'pin-file': { value: 'FILE', help: 'read the password of that key from there (- for the standard input)' },
      json,
      progress: { help: 'tell how far it is, also where the standard error is no terminal' },
      threads: { value: 'N', help: 'judge in so many threads (default: one for each core)', hidden: true },
    },
    details: `
Judges signature, certificate and OCSP answer, hash chains and time-stamp, the chain of archives and proofs of logs, and names
each check; all failures are told. Everything is judged at the time that its time-stamp proves, by those who were believed then.
Whom to believe is yours to say, in any combination: an anchor, copies of configurations, lists of your own; without any the
configuration of a demo nearby. A bundle's own configuration counts when --anchor vouches for it. docs/verification.md has the
formats of lists and answers.

  saadik verify --anchor anchor.xml request.asice.evidence.zip
  saadik verify --anchor anchor.xml --configuration configurations/ --report report.html archives/
  saadik verify --pinned mine.yaml --json evidence/ > verdicts.json

Exit code: 0 all valid, 1 any invalid or indeterminate, 2 any unreadable (and none invalid).`,
    load: async () => (await import('./verify/command.ts')).verify,
  },
  {
    name: 'evidence export',
    summary: 'Write evidence as containers that conform to ETSI standards (ASiC-E with XAdES B-LTA)',
    takes: 'FILE…|DIR',
    positionals: [1, 10_000],
    options: {
      output: { value: 'FILE|DIR', short: 'o', help: 'where to: a file for one container, a folder for many' },
      hash: { value: 'NAME', help: 'digest of the new time-stamps: SHA-512 (default), SHA-384, SHA-256, SHA3-512, …' },
      ...authorities,
      ...whom,
    },
    details: `
For validators that know ETSI EN 319 162 and EN 319 132 and not X-Road, such as those of the EU's DSS. What was signed stays as it is;
around it come a time-stamp over the signature as XAdES wants it, certificates, OCSP answers of now and an archive time-stamp. So the
time-stamping authority and the OCSP responders are asked, and the signing certificate must still be valid. Containers that are not
TOTAL-PASSED are refused. Into a folder, what is there already is not written again: an interrupted run goes on.

  saadik evidence export request.asice -o request-etsi.asice
  saadik evidence export --conf verificationconf.zip containers/ -o conforming/

What each form of container proves to whom: docs/conforming.md.
Exit code: 0 all written, 1 any refused.`,
    load: async () => (await import('./evidence-export.ts')).exportEvidence,
  },
  {
    name: 'evidence status',
    summary: 'Show until when containers are good, and what ends then',
    takes: 'FILE…|DIR',
    positionals: [1, 10_000],
    options: {
      within: { value: 'DAYS', help: 'what ends earlier than this is to be renewed (default: 365)' },
      ...whom,
      json,
    },
    details: `
Evidence stands as long as the certificate of the authority behind its last time-stamp, and as long as the algorithms of that time-stamp
are relied on (ETSI TS 119 312). Before that it has to be renewed.

  saadik evidence status containers/

Exit code: 0 all good for longer, 1 any to renew, ended or invalid, 2 any unreadable (and none of those).`,
    load: async () => (await import('./evidence-status.ts')).status,
  },
  {
    name: 'evidence renew',
    summary: 'Add an archive time-stamp to containers before their last time-stamp weakens or ends',
    takes: 'FILE…|DIR',
    positionals: [1, 10_000],
    options: {
      within: { value: 'DAYS', help: 'renew what ends earlier than this (default: 365)' },
      hash: { value: 'NAME', help: 'renew what is under another digest too: SHA-512, SHA3-512, …' },
      ...authorities,
      ...whom,
      json,
    },
    details: `
Every .asice under a folder, in whatever layout; X-Road's tools read them as before. A thousand containers share one time-stamp
(evidence records, RFC 4998). Each file is replaced whole, or stays as it is; an interrupted run goes on where it stopped, because
what was renewed is not due any more. Invalid evidence is not renewed. Archives (mlog-….zip) are chained by digests of their
containers: renew what lies in them outside of them.

  saadik evidence renew containers/
  saadik evidence renew --hash SHA3-512 --tsa https://tsa.example.test containers/

Exit code: 0 everything that was due is renewed, 1 something was refused.`,
    load: async () => (await import('./evidence-renew.ts')).renew,
  },
  {
    name: 'anchor export',
    summary: 'Write the configuration anchor that new servers are started with',
    options: {
      source: { value: 'NAME', help: 'internal (default) or external, for federated instances' },
      output,
      ...where,
    },
    details: `
Hand the anchor over together with the hash that 'saadik anchor show' prints, by another way.

  saadik anchor export -o anchor.xml`,
    load: async () => (await import('./anchor.ts')).exportAnchor,
  },
  {
    name: 'anchor show',
    summary: 'Show what an anchor names: instance, sources, certificates, and its hash',
    takes: 'FILE',
    positionals: [1, 1],
    options: { json },
    details: '  saadik anchor show anchor.xml',
    load: async () => (await import('./anchor.ts')).showAnchor,
  },
  {
    name: 'apply',
    summary: 'Load a federation.yaml or a server.yaml into its server',
    options: { file: { value: 'FILE', short: 'f', help: 'the document' }, json, ...where },
    details: `
Says what changed; the same document again changes nothing. A federation (members, servers, authorities) goes to the
central server, a server document (clients, services, access rights) to the security server named.

  saadik apply -f federation.yaml
  saadik apply -f server.yaml --server interior`,
    load: async () => (await import('./apply.ts')).apply,
  },
  {
    name: 'keys list',
    summary: 'List the keys of a signer, their certificates and expiry',
    options: { json, ...where },
    details: '  saadik keys list --server interior',
    load: async () => (await import('./keys.ts')).list,
  },
  {
    name: 'keys generate',
    summary: 'Generate a key in a signer; it never leaves it',
    options: {
      use: {
        value: 'USE',
        help: 'message, authentication, configuration, certificate, ocsp or timestamp; log, mirror or witness for notes',
      },
      algorithm: {
        value: 'NAME',
        help: 'EC-P256 (default), EC-P384, RSA-2048, RSA-3072 or RSA-4096; for notes Ed25519 (default) or ML-DSA-44',
      },
      name: { value: 'NAME', help: "of a key for notes: by what others know it; of a log's key the log's origin" },
      label: { value: 'TEXT', help: 'a name for people' },
      json,
      ...where,
    },
    details: `
Keys for notes sign checkpoints of transparent logs (docs/transparency.md). The line that is printed is for those who
verify: witnesses and auditors. A security server makes its own when it needs them.

  saadik keys generate --use message --label "sign 2027" --server interior
  saadik keys generate --use witness --name witness.example/w1 --config security-server.yaml`,
    load: async () => (await import('./keys.ts')).generate,
  },
  {
    name: 'keys csr',
    summary: 'Make a certificate request for a key',
    takes: 'KEY',
    positionals: [1, 1],
    options: {
      subject: { value: 'NAME', help: 'subject as KEY=VALUE pairs: C=EE,O=Name,CN=Name,serialNumber=70000001' },
      dns: { value: 'NAME', help: 'DNS name, for authentication certificates' },
      der: { help: 'DER instead of PEM' },
      output,
      ...where,
    },
    details: `
KEY is the id that 'saadik keys list' shows, or its beginning.

  saadik keys csr 3f2a --subject "C=EE,O=Ministry,CN=Ministry,businessCategory=GOV,serialNumber=70000001" -s interior -o sign.csr`,
    load: async () => (await import('./keys.ts')).csr,
  },
  {
    name: 'keys import',
    summary: 'Import the certificate that a CA issued for a key',
    takes: 'CERTIFICATE',
    positionals: [1, 1],
    options: { json, ...where },
    details:
      'PEM or DER. The signer finds the key that it belongs to.\n\n  saadik keys import sign.pem --server interior',
    load: async () => (await import('./keys.ts')).importCertificate,
  },
  {
    name: 'keys unlock',
    summary: 'Give a signer its PIN',
    options: {
      'pin-file': { value: 'FILE', help: 'read the PIN from there (- for the standard input) instead of asking' },
      ...where,
    },
    details: '  saadik keys unlock --server interior',
    load: async () => (await import('./keys.ts')).unlock,
  },
  {
    name: 'keys change-pin',
    summary: 'Change the PIN of a signer, locked or not',
    options: {
      'pin-file': { value: 'FILE', help: 'read the PIN from there (- for the standard input) instead of asking' },
      'new-pin-file': { value: 'FILE', help: 'the same for the new PIN; from the standard input it is the next line' },
      ...where,
    },
    details: `
The keys stay; what they are sealed with is sealed under the new PIN. A crash leaves the old PIN or the new one.
A PIN may come through a descriptor: --new-pin-file /dev/fd/3.

  saadik keys change-pin --server interior`,
    load: async () => (await import('./keys.ts')).changePin,
  },
  {
    name: 'ca issue',
    summary: 'Issue a certificate for a request',
    takes: 'CSR',
    positionals: [1, 1],
    options: { profile: { value: 'NAME', help: 'authentication, signing, tls, ocsp or tsa' }, json, output, ...where },
    details: '  saadik ca issue sign.csr --profile signing -o sign.pem',
    load: async () => (await import('./ca.ts')).issue,
  },
  {
    name: 'log find',
    summary: 'Find messages in the message log of a security server',
    positionals: [0, 1],
    takes: 'QUERY-ID',
    options: {
      id: { value: 'QUERY-ID', help: 'the X-Road-Id of the message, as its answer carries it' },
      'request-id': { value: 'ID', help: 'the x-road-request-id of the exchange' },
      from: {
        value: 'TIME',
        help: 'logged at or after it: 2026-03-01, 2026-03-01T12:30Z; UTC unless it says otherwise',
      },
      to: { value: 'TIME', help: 'logged before it; a day is meant to its end' },
      client: { value: 'ID', help: 'who asked: a member, or one of its subsystems' },
      provider: { value: 'ID', help: 'who was asked: a member, or one of its subsystems' },
      service: { value: 'ID', help: 'what was asked: INSTANCE/CLASS/CODE/SUBSYSTEM/SERVICE[/VERSION]' },
      member: { value: 'ID', help: 'either of them' },
      user: { value: 'ID', help: 'for whom, as the information system says (X-Road-UserId)' },
      issue: { value: 'TEXT', help: 'in which matter (X-Road-Issue)' },
      side: { value: 'SIDE', help: 'consumer or provider' },
      direction: { value: 'DIRECTION', help: 'request or response' },
      protocol: { value: 'PROTOCOL', help: 'rest or soap' },
      text: {
        value: 'TEXT',
        help: 'stands in the message, or in the first MiB of its body; where messageLog.textSearch allows it',
      },
      oldest: { help: 'the oldest first' },
      limit: { value: 'NUMBER', help: 'at most so many; default 100' },
      cursor: { value: 'CURSOR', help: 'go on where the search before has ended' },
      json,
      ...where,
    },
    details: `
All that is given must be so. The newest come first.

  saadik log find 0f8c… --server customs
  saadik log find --user EE38001010000 --from 2026-03-01 --to 2026-03-31 --server customs
  saadik log find --client DEMO/GOV/70000002 --issue 'case 7/2026' --oldest --server interior

Exit codes: 0 found, 1 nothing found.`,
    load: async () => (await import('./log-find.ts')).find,
  },
  {
    name: 'log show',
    summary: 'Show one message of the message log',
    takes: 'ID',
    positionals: [1, 1],
    options: { json, ...where },
    details: `
ID is the number that 'saadik log find' shows. Nothing is judged here: 'saadik log get' and 'saadik verify' do that.

  saadik log show 17 --server customs`,
    load: async () => (await import('./log-show.ts')).show,
  },
  {
    name: 'log get',
    summary: 'Take a message out of the message log as an ASiC-E container',
    takes: 'ID',
    positionals: [1, 1],
    options: {
      bundle: { help: 'with its proof from the transparent log and the configuration that was in force' },
      output,
      ...where,
    },
    details: `
ID is the number that 'saadik log find' shows.

  saadik log get 17 --server customs -o request.asice
  saadik log get 17 --bundle --server customs -o request.asice.evidence.zip`,
    load: async () => (await import('./log.ts')).get,
  },
  {
    name: 'log audit',
    summary: 'Show who searched the message log, and what was taken from it',
    options: { after: { value: 'NUMBER', help: 'lines after this one' }, json, ...where },
    details: `
Every answer to an auditor, and every search of the operator, stands here before it is given. Each line is chained to the one before by
SHA-256: a line that was changed or taken away from the middle is named, with exit code 1. Keep what the chain ends with: whoever has
it notices lines that are taken from the end.

  saadik log audit --server customs`,
    load: async () => (await import('./log-audit.ts')).audit,
  },
  {
    name: 'auditor new',
    summary: 'Make a token for an auditor, and his entry for the file of auditors',
    takes: 'NAME',
    positionals: [1, 1],
    options: {
      member: { value: 'ID', many: true, help: 'he sees messages of which it is a party; all, where none is given' },
      content: { help: 'he sees what was said, too' },
      json,
    },
    details: `
Nothing is written: the entry goes into the file that auditor.auditors of the server's configuration names (docs/auditors.md).

  saadik auditor new 'State Audit Office' --member DEMO/GOV/70000001 --content`,
    load: async () => (await import('./auditor.ts')).create,
  },
  {
    name: 'log keys list',
    summary: 'List the keys by which the message log is encrypted, and how many records need each',
    options: { json, ...where },
    details: '  saadik log keys list --server customs',
    load: async () => (await import('./log-keys.ts')).list,
  },
  {
    name: 'log keys new',
    summary: 'Make a key by which new records of the message log are encrypted',
    options: { json, ...where },
    details: `
It is written to the file that messageLog.encryption names, and counts at once. Records of before need their keys on. Keep a copy of
the file elsewhere: what was logged under a key cannot be read without it.

  saadik log keys new --server customs`,
    load: async () => (await import('./log-keys.ts')).create,
  },
  {
    name: 'log keys retire',
    summary: 'Take a key that no record needs any more out of the file',
    takes: 'KEY',
    positionals: [1, 1],
    options: { json, ...where },
    details: `
KEY is the id that 'saadik log keys list' shows, or its beginning. Refused for the key of new records, and while there are records that
were encrypted with it.

  saadik log keys retire 3f2a9c01 --server customs`,
    load: async () => (await import('./log-keys.ts')).retire,
  },
  {
    name: 'log prove',
    summary: 'Prove that a message stands in the transparent log of a security server',
    takes: 'ID',
    positionals: [1, 1],
    options: { policy: logPolicy, output, ...where },
    details: `
ID is the number that 'saadik log find' shows. The proof (C2SP tlog-proof) is judged before it is written. It has the record's
salt and digests: who has it can tell what the leaf stands for.

  saadik log prove 17 --server customs -o request.tlog-proof

Exit code: 1 where the proof does not hold.`,
    load: async () => (await import('./log-proof.ts')).prove,
  },
  {
    name: 'log checkpoint',
    summary: 'Take the newest checkpoint of the transparent log: what it says of itself, signed and witnessed',
    options: {
      timestamped: { help: 'the newest that was time-stamped, and its time-stamp in FILE.tst' },
      policy: logPolicy,
      output,
      ...where,
    },
    details: `
Whoever keeps one can prove later that the log was rewritten, or that it was not: saadik log consistency, saadik log check.

  saadik log checkpoint --server customs -o customs-2027-03-01.checkpoint`,
    load: async () => (await import('./log-proof.ts')).checkpoint,
  },
  {
    name: 'log consistency',
    summary: 'Prove that the transparent log only grew since a checkpoint',
    takes: 'CHECKPOINT',
    positionals: [1, 1],
    options: { policy: logPolicy, json, ...where },
    details: `
  saadik log consistency customs-2027-03-01.checkpoint --policy customs.policy --server customs

Exit code: 0 it only grew, 1 it was rewritten or a signature does not hold.`,
    load: async () => (await import('./log-proof.ts')).consistency,
  },
  {
    name: 'log check',
    summary: 'Read the whole message log anew and compare it with its leaves and checkpoints',
    options: {
      checkpoint: { value: 'FILE', many: true, help: 'a checkpoint that was taken earlier (several times)' },
      json,
      ...where,
    },
    details: `
Names the first record that is not what was logged. The server goes on meanwhile and gives half a core to it. Where a checkpoint
does not fit although records and leaves do, leaves were rewritten too: what is named is then between two checkpoints.

  saadik log check --server customs --checkpoint customs-2027-03-01.checkpoint

Exit code: 0 whole, 1 changed.`,
    load: async () => (await import('./log-check.ts')).check,
  },
  {
    name: 'log follow',
    summary: "Keep a copy of a transparent log's leaves, and say where it was rewritten since the last time",
    takes: 'URL FOLDER',
    positionals: [2, 2],
    options: { policy: { ...logPolicy, help: 'whose log it is, and who must have witnessed it: a tlog-policy' }, json },
    details: `
For auditors: needs no access but to the log's listener (transparency.listen). Run it every day; FOLDER is its memory. Leaves tell nothing
of what was logged. Where a checkpoint of before is not contained in today's, FOLDER/rewritten has the evidence, and the first leaf
that is another is named.

  saadik log follow http://customs.example:5580 customs-leaves --policy customs.policy

Exit code: 0 it only grew, 1 it did not, or serves what it did not sign.`,
    load: async () => (await import('./log-follow.ts')).follow,
  },
  {
    name: 'log policy',
    summary: "Write the keys of a security server's log and of its witnesses, for auditors",
    options: { output, ...where },
    details: `
A C2SP tlog-policy. Keep it: what it names is compared with what comes later. Get the witnesses' keys from the witnesses.

  saadik log policy --server customs -o customs.policy`,
    load: async () => (await import('./log-policy.ts')).policy,
  },
  {
    name: 'reconcile run',
    summary: "Compare a security server's log with another party's, without showing what was said",
    options: { ...compared, policy: comparedPolicy, report: reportFile, json, ...where },
    details: `
Asks the other party's security servers over the exchange itself. Values under a key of the run stand for messages; each side is bound
to its list before it sees the other's, and shows the leaf of each message under a checkpoint from before the run. docs/auditors.md says
what each finding means. The comparison goes on when this command is interrupted: saadik reconcile list.

  saadik reconcile run --with DEMO/GOV/70000001 --from 2026-03-01 --to 2026-03-31 --server customs --report march.json

Exit code: 0 in agreement, 1 not, or not compared.`,
    load: async () => (await import('./reconcile/run.ts')).run,
  },
  {
    name: 'reconcile list',
    summary: 'List the comparisons that a security server asked for, or was asked for',
    options: { json, ...where },
    details: '  saadik reconcile list --server interior',
    load: async () => (await import('./reconcile/run.ts')).list,
  },
  {
    name: 'reconcile show',
    summary: 'Show what a comparison has found',
    takes: 'RUN',
    positionals: [1, 1],
    options: { report: reportFile, json, ...where },
    details: `
RUN is the name that 'saadik reconcile list' shows.

  saadik reconcile show 6d1f… --server interior

Exit code: 0 in agreement, 1 not, or not compared.`,
    load: async () => (await import('./reconcile/run.ts')).show,
  },
  {
    name: 'reconcile key',
    summary: 'Make the key that two parties compare statements by',
    options: { output },
    details: `
For parties whose servers cannot reach each other. Both make their statement with the same key; a comparison has one of its own.

  saadik reconcile key -o march.key`,
    load: async () => (await import('./reconcile/files.ts')).key,
  },
  {
    name: 'reconcile statement',
    summary: "Write a security server's side of a comparison as a file",
    options: { ...compared, key: comparedKey, output, ...where },
    details: `
Both parties name each other and the same times. Tell the other the digest that is printed before you hand over the file, and get
theirs: then nobody can make his to fit. Ids, times and digests of the messages are in it, and no content.

  saadik reconcile statement --with DEMO/GOV/70000001 --from 2026-03-01 --to 2026-03-31 --key march.key -o customs.statement -s customs`,
    load: async () => (await import('./reconcile/files.ts')).statement,
  },
  {
    name: 'reconcile compare',
    summary: 'Compare the statements of two parties; needs no server',
    takes: 'HERE THERE',
    positionals: [2, 2],
    options: { key: comparedKey, policy: comparedPolicy, ...whom, json },
    details: `
HERE is whose side findings are told from. Signatures under what one side alone has are judged when it is said whom to believe.

  saadik reconcile compare --key march.key --anchor anchor.xml customs.statement interior.statement

Exit code: 0 in agreement, 1 not, 2 one of the statements cannot be read or is not what it says.`,
    load: async () => (await import('./reconcile/files.ts')).compare,
  },
  {
    name: 'archive run',
    summary: 'Archive what the message log of a security server holds, now',
    options: { json, ...where },
    details: `
Beside the schedule, and shown while it runs; it goes on when this command is interrupted. Exit code: 0 archived, 1 failed.

  saadik archive run --server customs`,
    load: async () => (await import('./archive.ts')).run,
  },
  {
    name: 'archive status',
    summary: 'Show how far the log is archived, and where to',
    options: { json, ...where },
    details: '  saadik archive status --server customs\n\nExit code: 1 where the last run failed.',
    load: async () => (await import('./archive.ts')).status,
  },
  {
    name: 'archive list',
    summary: 'List the files that the log was archived in',
    options: { json, ...where },
    details: '  saadik archive list --server customs',
    load: async () => (await import('./archive.ts')).list,
  },
  {
    name: 'archive verify',
    summary: 'Verify archives: nothing changed, missing, in excess or in another order',
    takes: 'FILE…',
    positionals: [1, 10_000],
    options: {
      first: { help: 'they begin with the first archive of its group' },
      previous: { value: 'DIGEST', help: 'they go on from an archive that ended with this digest' },
      json,
    },
    details: `
Needs no server. Several files are judged together: each must go on from another, or be where --first or --previous say that they begin.
Encrypted ones are decrypted before (gpg, age). Whether the messages inside are valid is for 'saadik verify' to say.

  saadik archive verify --first mlog-*.zip
  saadik archive verify --previous 9011ab55… mlog-20260301120000-20260301180000-1bdf9efbf998d9c1.zip

Exit code: 0 all valid, 1 any invalid, 2 one could not be read.`,
    load: async () => (await import('./archive.ts')).verify,
  },
  {
    name: 'types',
    summary: 'Write the TypeScript types of a service, for saadik/client',
    takes: 'SERVICE|FILE',
    positionals: [1, 1],
    options: {
      url: { value: 'URL', help: 'the security server that asks for the description: http://ADDRESS:8080' },
      client: { value: 'ID', help: 'as whom it is asked: INSTANCE/CLASS/MEMBER/SUBSYSTEM' },
      cert: { value: 'FILE', help: 'for https: the client certificate (PEM)' },
      key: { value: 'FILE', help: 'for https: its private key (PEM)' },
      pinned: {
        value: 'FILE',
        help: "for https: the security server's TLS certificate (PEM), when no authority vouches for it",
      },
      output,
      dir,
    },
    details: `
SERVICE is INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE; its OpenAPI 3 document is asked for by getOpenAPI. FILE is such a document,
JSON or YAML. Without --url and --client the customs of a demo nearby ask.

  saadik types DEMO/GOV/70000001/population-register/persons -o persons.ts
  saadik types --url http://10.0.0.1:8080 --client EE/GOV/1/app EE/GOV/2/register/people -o people.ts
  saadik types openapi.yaml -o service.ts

Then: createClient({ … }).service<paths>('INSTANCE/…') with import type { paths } from './persons.js'`,
    load: async () => (await import('./types.ts')).types,
  },
  ...embassyCommands,
]
