// What is wrong with a document: everything, told at once.
import { ServicesError } from './error.ts'

/** Collects faults, each with the path of what is wrong. */
export class Faults {
  readonly lines: string[] = []

  add(path: string, what: string): void {
    const line = `${path}: ${what}`
    // What is wrong with many services of one description is told once.
    if (!this.lines.includes(line)) this.lines.push(line)
  }

  /** The value, or undefined and a fault. */
  attempt<T>(path: string, make: () => T): T | undefined {
    try {
      return make()
    } catch (error) {
      this.add(path, (error as Error).message)
      return undefined
    }
  }

  /** A name given again, at the later place. */
  refuseTwice(names: readonly (string | undefined)[], path: (index: number) => string): void {
    const seen = new Set<string>()
    for (const [index, name] of names.entries()) {
      if (name === undefined) continue
      if (seen.has(name)) this.add(path(index), `${name} is used twice`)
      seen.add(name)
    }
  }

  throwIfAny(): void {
    if (this.lines.length > 0) throw new ServicesError('invalid_services', this.lines.join('\n'))
  }
}
