import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { program, scratch } from './scratch.ts'

test('opening the door loads no npm package and no HTTP; reading a configuration loads each package once', async (t) => {
  const child = program(
    t,
    `import { registerHooks } from 'node:module'
     import { writeFileSync } from 'node:fs'
     const loaded = new Set()
     registerHooks({ load: (url, context, next) => { loaded.add(url); return next(url, context) } })
     const packages = () => [...loaded].filter((url) => url.includes('/node_modules/'))
     const { loadConfig, filePath } = await import('#host')
     console.log('at the door', packages().length, process.moduleLoadList.includes('NativeModule http'))
     const { z } = await import('#root/node_modules/zod/index.js')
     writeFileSync(process.argv[2], 'directory: here')
     loadConfig(process.argv[2], z.strictObject({ directory: filePath }))
     console.log('zod by require', packages().filter((url) => url.includes('zod') && url.endsWith('.cjs')).length)`,
    { args: [join(scratch(t), 'c.yaml')] },
  )
  assert.equal(await child.ended, 0, child.stderr())
  assert.deepEqual(child.stdout().trimEnd().split('\n'), ['at the door 0 false', 'zod by require 0'])
})
