// `node bin/healthcheck.js [http://… | tcp://host:port | unix:/path]`: exit code 0 when that answers. For container health
// checks, which must not need a shell or curl. Without an argument the check is that Node runs at all.
import { connect } from 'node:net'

const WITHIN_MS = 2500
const [target] = process.argv.slice(2)
const end = (healthy) => process.exit(healthy ? 0 : 1)

if (target === undefined) end(true)
setTimeout(() => end(false), WITHIN_MS)
if (target.startsWith('http')) {
  fetch(target).then(
    (response) => end(response.ok),
    () => end(false),
  )
} else {
  const { hostname: host, port } = target.startsWith('tcp:') ? new URL(target) : {}
  connect(host ? { host, port: Number(port) } : { path: target.replace(/^unix:/, '') })
    .once('connect', () => end(true))
    .once('error', () => end(false))
}
