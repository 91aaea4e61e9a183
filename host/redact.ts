// What may stand in a log line: no secrets, no bytes, no endless values.

const SECRET = /pin$|^pin|token|passw|passphrase|secret|authorization|cookie|private_?key|pkcs8|pkcs12/i
const MAX_DEPTH = 5
const MAX_TEXT = 4096
const MAX_ENTRIES = 100

/** `pinned`, `pinHash` and the like are no PINs, `tokenFile` is a path, counts and flags are no secrets. */
function isSecret(key: string, value: unknown): boolean {
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null) return false
  return SECRET.test(key) && !/file$|path$|^pinn|^pinHash|^spin|^opin/i.test(key)
}

/** A copy of `value` that is safe to print as JSON. Secrets go by the name of their key: `[redacted]` stands for them. */
export function loggable(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}… (${value.length} characters)` : value
    case 'bigint':
      return value.toString()
    case 'symbol':
    case 'function':
      return undefined
    case 'object':
      return value === null ? null : loggableObject(value, depth)
    default:
      return value
  }
}

function loggableObject(value: object, depth: number): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `[${value.byteLength} bytes]`
  if (depth >= MAX_DEPTH) return '[deeper]'
  if (value instanceof Error) return loggableError(value, depth)
  if (Array.isArray(value)) {
    const shown: unknown[] = value.slice(0, MAX_ENTRIES).map((each) => loggable(each, depth + 1))
    if (value.length > MAX_ENTRIES) shown.push(`… (${value.length} entries)`)
    return shown
  }
  const shown: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(value).slice(0, MAX_ENTRIES)) {
    shown[key] = isSecret(key, each) ? '[redacted]' : loggable(each, depth + 1)
  }
  return shown
}

/** Name, code, words, stack and causes; other fields of an error may hold requests and headers and stay out. */
function loggableError(error: Error, depth: number): object {
  const { code } = error as { code?: unknown }
  return {
    name: error.name,
    ...(typeof code === 'string' ? { code } : {}),
    message: loggable(error.message),
    ...(error.cause === undefined ? {} : { cause: loggable(error.cause, depth + 1) }),
    stack: loggable(error.stack),
  }
}
