// There is no container engine where the tests run; what can be judged without one is judged here.
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import test from 'node:test'
import { parse } from 'yaml'
import { landArguments, layoutOf } from '../../../demo/layout.ts'

const root = resolve(import.meta.dirname, '../../..')

interface Service {
  readonly command: readonly string[]
  readonly depends_on?: Record<string, { condition: string }>
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly networks?: Record<string, { ipv4_address?: string }>
  readonly network_mode?: string
  readonly healthcheck?: { test: readonly string[] }
  readonly read_only: boolean
}

interface Compose {
  readonly services: Record<string, Service>
  readonly volumes: Record<string, unknown>
  readonly secrets: Record<string, { file: string }>
}

const compose = parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true }) as Compose
const services = Object.entries(compose.services)
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')

test('every service starts a program of the house and needs only what the file declares', () => {
  for (const [name, service] of services) {
    assert.ok(existsSync(join(root, service.command[0] ?? '')), `${name}: ${service.command[0]}`)
    for (const needed of Object.keys(service.depends_on ?? {})) {
      assert.ok(compose.services[needed], `${name} depends on ${needed}`)
      if (service.depends_on?.[needed]?.condition === 'service_healthy')
        assert.ok(compose.services[needed]?.healthcheck, `${needed} has no health check`)
    }
    for (const volume of service.volumes ?? [])
      assert.ok((volume.split(':')[0] ?? '') in compose.volumes, `${name} mounts ${volume}`)
    for (const secret of service.secrets ?? []) assert.ok(secret in compose.secrets, `${name} reads ${secret}`)
    if (service.network_mode?.startsWith('service:')) assert.ok(compose.services[service.network_mode.slice(8)], name)
    assert.equal(service.read_only, true, name)
  }
})

test('the waiting has no circle', () => {
  const visit = (name: string, path: readonly string[]): void => {
    assert.ok(!path.includes(name), [...path, name].join(' → '))
    for (const needed of Object.keys(compose.services[name]?.depends_on ?? {})) visit(needed, [...path, name])
  }
  for (const [name] of services) visit(name, [])
})

test('addresses, sockets and PINs are those that `demo prepare` writes', () => {
  const layout = layoutOf('/state', '172.30.77', { secrets: '/run/secrets' })
  const addresses = {
    'central-server': layout.central.host,
    [layout.population.name]: layout.population.host,
    [layout.land.name]: layout.land.host,
    ...Object.fromEntries(layout.servers.map(({ code, host }) => [code, host])),
  }
  for (const [name, address] of Object.entries(addresses))
    assert.equal(compose.services[name]?.networks?.['country']?.ipv4_address, address, name)
  for (const { name, folder, host, port } of [layout.population, layout.land]) {
    const service = compose.services[name]
    const args = ['--directory', folder, '--host', host, '--port', String(port)]
    const more = name === layout.land.name ? landArguments(layout) : []
    assert.deepEqual(service?.command, [`demo/${name}/main.ts`, ...args, ...more])
    assert.ok(service.volumes?.some((volume) => volume.endsWith(`:${folder}`)))
    assert.match(dockerfile, new RegExp(` ${folder}( |$)`, 'm'))
  }
  const folders = [layout.pki.folder, layout.central.folder, ...layout.servers.map(({ folder }) => folder)]
  for (const folder of folders) {
    const { config, socket, pinFile, directory } = layout.signer(folder)
    const name = folder.slice('/state/'.length)
    const signer = compose.services[`${name}-signer`]
    assert.deepEqual(signer?.command, ['signer/main.ts', '--config', config])
    assert.ok(signer.healthcheck?.test.includes(`unix:${socket}`))
    assert.deepEqual(signer.secrets, [pinFile.slice('/run/secrets/'.length)])
    assert.ok(signer.volumes?.includes(`${name}-keys:${directory}`))
    assert.equal(signer.network_mode, 'none')
    for (const [other, service] of services) {
      if (other !== `${name}-signer`)
        assert.ok(
          !service.volumes?.some((volume) => volume.startsWith(`${name}-keys:`)),
          `${other} mounts the keys of ${name}`,
        )
    }
  }
})

test('every program of the country has a service', () => {
  const programs = services.map(([, { command }]) => command.slice(0, command[0] === 'pki/main.ts' ? 2 : 1).join(' '))
  for (const program of [
    'pki/main.ts ca',
    'pki/main.ts ocsp',
    'pki/main.ts tsa',
    'central-server/main.ts',
    'demo/population-register/main.ts',
    'demo/land-register/main.ts',
  ]) {
    assert.equal(programs.filter((each) => each === program).length, 1, program)
  }
  assert.equal(programs.filter((each) => each === 'security-server/main.ts').length, 3)
  assert.equal(programs.filter((each) => each === 'signer/main.ts').length, 5)
})

test('the image holds every room, runs as nobody in particular and copies nothing else', () => {
  const rooms = globSync('*/', { cwd: root }).filter(
    (name) => globSync('*.ts', { cwd: join(root, name) }).length > 0 && !['bin', 'test', 'bench'].includes(name),
  )
  for (const room of rooms) assert.match(dockerfile, new RegExp(`^COPY ${room} \\./${room}$`, 'm'))
  assert.match(dockerfile, /^USER saadik$/m)
  assert.match(dockerfile, /^HEALTHCHECK /m)
  assert.doesNotMatch(dockerfile, /^COPY \. /m)
})
