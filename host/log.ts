// The process log: one JSON object a line, on stderr (stdout carries the single line of readiness) or in a file.
import type * as winston from 'winston'
import { load } from './lazy.ts'
import { loggable } from './redact.ts'

/** A log file is turned at this size, and this many are kept. */
const FILE_BYTES = 32 * 1024 * 1024
const FILES = 5

/** `meta` becomes fields of the line; secrets in it are redacted by the names of their keys, bytes shown as their length. */
export interface Log {
  error(message: string, meta?: object): void
  warn(message: string, meta?: object): void
  info(message: string, meta?: object): void
  debug(message: string, meta?: object): void
}

export interface LogOptions {
  /** Names the process in every line. */
  readonly process: string
  /** `error`, `warn`, `info` (default) or `debug`. */
  readonly level?: string
  /** Path of the file; absent writes to stderr. */
  readonly file?: string
}

type Level = keyof Log

/** Opens the log. winston is loaded here and not before: 7 MB that a command line tool does not need. */
export function createLog(options: LogOptions): Log {
  const { createLogger, format, transports } = load<typeof winston>('winston')
  const logger = createLogger({
    level: options.level ?? 'info',
    format: format.printf((info) => String(info.message)),
    transports: [
      options.file === undefined
        ? new transports.Stream({ stream: standardError() })
        : new transports.File({ filename: options.file, maxsize: FILE_BYTES, maxFiles: FILES, tailable: true }),
    ],
  })
  const at = (level: Level) => (message: string, meta?: object) => {
    if (logger.isLevelEnabled(level)) logger.log(level, logLine(level, options.process, message, meta))
  }
  return { error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug') }
}

/** One line of the log, also for the moments in which there is no log (lifecycle.ts). */
export function logLine(level: Level, process: string, message: string, meta: object = {}): string {
  // The four fields of every line stand first and cannot be overwritten by what a caller logs.
  const {
    time: _time,
    level: _level,
    process: _process,
    message: _message,
    ...rest
  } = loggable({ ...meta }) as Record<string, unknown>
  return JSON.stringify({ time: new Date().toISOString(), level, process, message, ...rest })
}

let guarded = false
/** Whoever read our stderr may go away before us (a killed supervisor); that must not end this process from within its log. */
function standardError(): NodeJS.WriteStream {
  if (!guarded) {
    process.stderr.on('error', () => undefined)
    guarded = true
  }
  return process.stderr
}
