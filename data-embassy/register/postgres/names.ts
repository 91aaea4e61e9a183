// Names of tables and sequences, as changes carry them: `public.persons`, and `"Odd.Name".t` where a name is not as plain as that.
interface Named {
  readonly schema: string
  readonly name: string
}

const PLAIN = /^[a-z_][a-z0-9_$]*$/

export function nameOf({ schema, name }: Named): string {
  const part = (text: string) => (PLAIN.test(text) ? text : `"${text.replaceAll('"', '""')}"`)
  return `${part(schema)}.${part(name)}`
}

const FORM = /^([a-z_][a-z0-9_$]*|"(?:[^"]|"")+")\.([a-z_][a-z0-9_$]*|"(?:[^"]|"")+")$/

/** The reverse. Throws TypeError for anything else. */
export function readName(text: string): Named {
  const [, schema, name] = FORM.exec(text) ?? []
  if (schema === undefined || name === undefined) throw new TypeError(`${text} is no name of a table`)
  const part = (quoted: string) => (quoted.startsWith('"') ? quoted.slice(1, -1).replaceAll('""', '"') : quoted)
  return { schema: part(schema), name: part(name) }
}
