// One configuration file per process: parsed once, unknown keys refused with their path, all faults reported at once,
// frozen, passed in. Nothing else in the house reads settings from the environment.
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { z } from 'zod'
import { ConfigError, reasonOf } from './error.ts'
import { load } from './lazy.ts'
import { schemaFaults } from './schema.ts'
import { readYaml } from './yaml.ts'

/** No configuration of ours comes near; a wrong file name should not fill the memory. */
const MAX_BYTES = 4 * 1024 * 1024

/** The folder of the file that is being parsed; parsing is synchronous, so there is only one. */
let folder = process.cwd()

let pathSchema: z.ZodType<string, string> | undefined

/**
 * A path in a configuration file; relative ones count from the file's folder. Used like any zod schema.
 *
 * It stands for the real schema until it is first used: zod costs 10 MB and 50 ms, and programs that open this door without
 * reading a configuration (the command line) should not pay for it.
 */
export const filePath: z.ZodType<string, string> = new Proxy({} as z.ZodType<string, string>, {
  get: (_target, key) => Reflect.get(madePathSchema(), key),
  has: (_target, key) => Reflect.has(madePathSchema(), key),
})

function madePathSchema(): z.ZodType<string, string> {
  const { z } = load<typeof import('zod')>('zod')
  pathSchema ??= z
    .string()
    .min(1, 'must name a file or folder')
    .refine((path) => !path.includes('\0'), 'must not contain a NUL character')
    .transform((path) => resolve(folder, path))
  return pathSchema
}

/**
 * Reads `file` (JSON when it is called `.json`, else YAML 1.2 in its core schema) and judges it by `schema`, whose objects
 * should be strict. The result is frozen to its depths.
 *
 * @throws {ConfigError} with every fault the parser or the schema found
 */
export function loadConfig<S extends z.ZodType>(file: string, schema: S): z.infer<S> {
  const path = resolve(file)
  const value = parseText(path, readText(path))
  folder = dirname(path)
  const judged = schema.safeParse(value)
  if (!judged.success) throw new ConfigError(path, schemaFaults(judged.error.issues, '(file)'))
  return freeze(judged.data) as z.infer<S>
}

function readText(path: string): string {
  try {
    const { size } = statSync(path)
    if (size > MAX_BYTES) throw new Error(`${size} bytes are more than the ${MAX_BYTES} a configuration may have`)
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (cause) {
    throw new ConfigError(path, [`the file cannot be read: ${reasonOf(cause)}`], { cause })
  }
}

function parseText(path: string, text: string): unknown {
  if (path.endsWith('.json')) {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new ConfigError(path, [`not JSON: ${reasonOf(cause)}`], { cause })
    }
  }
  const reading = readYaml(text)
  const faults = [...('faults' in reading ? reading.faults : []), ...reading.warnings]
  if (faults.length > 0 || 'faults' in reading)
    throw new ConfigError(
      path,
      faults.map((fault) => `not YAML: ${fault}`),
    )
  // An empty file is an object without keys: the schema then names what is missing.
  return reading.value ?? {}
}

/** Plain objects and arrays only: a Date, a Map or a KeyObject made by a transform is its maker's. */
function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype = Object.getPrototypeOf(value)
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return value
  for (const each of Object.values(value)) freeze(each)
  return Object.freeze(value)
}
