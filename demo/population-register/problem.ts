// What the register answers when it cannot do as asked: RFC 9457 problem details, with one entry per wrong field.

export interface FieldFault {
  readonly field: string
  readonly message: string
}

export class Problem extends Error {
  readonly status: number
  readonly title: string
  readonly faults: readonly FieldFault[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    title: string,
    detail: string,
    more: { faults?: readonly FieldFault[]; headers?: Record<string, string> } = {},
  ) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.title = title
    this.faults = more.faults ?? []
    this.headers = more.headers ?? {}
  }

  toJSON(): object {
    const { status, title, message: detail, faults } = this
    return { type: 'about:blank', title, status, detail, ...(faults.length > 0 ? { errors: faults } : {}) }
  }
}

export const unknownPerson = (personalCode: string) =>
  new Problem(404, 'Person not found', `nobody in the register has the personal code ${personalCode}`)

export const invalid = (faults: readonly FieldFault[]) =>
  new Problem(400, 'Invalid request', faults.map(({ field, message }) => `${field}: ${message}`).join('; '), { faults })
