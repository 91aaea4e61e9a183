// `npm run bench [name …]`: figures of this machine, in ratios measured in one run. It never says pass or fail.
const benches = {
  crypto: () => import('./crypto.ts'),
  log: () => import('./log.ts'),
  search: () => import('./search.ts'),
  merkle: () => import('./merkle.ts'),
  transparency: () => import('./transparency.ts'),
  exchange: () => import('./exchange.ts'),
  soap: () => import('./soap.ts'),
  archive: () => import('./archive.ts'),
  reconciliation: () => import('./reconciliation.ts'),
  verify: () => import('./verify.ts'),
  memory: () => import('./memory.ts'),
  startup: () => import('./startup.ts'),
} as const

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !(name in benches))
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}`)
  process.exit(2)
}
for (const [name, load] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  console.log(`\n## ${name}`)
  await (await load()).run()
}
process.exit(0)
