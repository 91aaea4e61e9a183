// What to try next, printed when the demo is ready. README.md shows the same commands; test/e2e holds them together.
import { relative } from 'node:path'
import { callsOf, curl } from './calls.ts'
import type { Layout } from './layout.ts'
import type { Progress } from './progress.ts'

export function next(layout: Layout, progress: Progress): void {
  // Commands find a .saadik by themselves.
  const shown = relative('', layout.directory)
  const where = shown === '.saadik' ? '' : ` --dir ${shown.startsWith('..') ? layout.directory : shown}`
  const [, one, photo, update, property] = callsOf(layout)
  const refused = callsOf(layout).at(-1)
  progress.heading(`Ready after ${progress.seconds()}. Try, in another terminal:`)
  const suggestions: readonly (readonly [why: string, command: string | undefined])[] = [
    ['one person', one && curl(one)],
    ['a photo, binary', photo && curl(photo, ['-o', 'photo.png'])],
    ['an update', update && curl(update)],
    ['over SOAP: a property, and its owners as the population register has them now', property && curl(property)],
    ['a refusal: the embassy may not search', refused && curl(refused, ['-i'])],
    ['what the message log of the customs holds', `npx saadik log find --server customs${where}`],
    ['who and what runs where', `npx saadik demo status${where}`],
  ]
  for (const [why, command] of suggestions) {
    if (!command) continue
    progress.line(`  # ${why}`)
    progress.command(command)
  }
  progress.line()
}
