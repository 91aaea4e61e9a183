// What a command is: data that parsing, help and the test of both read, and the module that runs it, loaded when called.

export interface Option {
  /** Absent for a switch; the word that stands for the value in the help otherwise. */
  readonly value?: string
  readonly short?: string
  /** May be given several times. */
  readonly many?: boolean
  readonly help: string
  /** Not shown in the help: for tests and for other programs of the house. */
  readonly hidden?: boolean
}

export interface Command {
  /** The words that call it: `keys list`. */
  readonly name: string
  readonly summary: string
  /** What follows the name, for people: `FILE…`. */
  readonly takes?: string
  /** Least and most positional arguments; none when absent. */
  readonly positionals?: readonly [least: number, most: number]
  readonly options: Readonly<Record<string, Option>>
  /** Paragraphs below the options: what it does, examples, exit codes. */
  readonly details: string
  readonly load: () => Promise<Run>
}

/** The arguments as given; a command reads its own options by name. */
export interface Arguments {
  readonly positionals: readonly string[]
  text(option: string): string | undefined
  /** Of an option that may be given several times, in their order. */
  texts(option: string): readonly string[]
  on(option: string): boolean
}

/** Gives the exit code. */
export type Run = (given: Arguments, out: Output) => Promise<number>

/** Where answers go: `line` to the standard output, `note` to the standard error so that a pipe gets answers only. */
export interface Output {
  line(text?: string): void
  json(value: unknown): void
  note(text: string): void
}
