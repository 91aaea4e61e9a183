// Makes new names in a folder durable, in a thread that may wait (#host syncFolder is for one that may not).
import { closeSync, fsyncSync, openSync } from 'node:fs'

export function syncDirectory(path: string): void {
  // Windows cannot open folders and writes names through.
  if (process.platform === 'win32') return
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
