// Types of a service, read out of a `paths` interface as `saadik types` and openapi-typescript write it. Nothing of this file
// is there at run time.

export type Method = 'get' | 'put' | 'post' | 'delete' | 'patch' | 'head' | 'options'

/** A service of which no types are known: every path, any parameters, `unknown` answers. */
export interface AnyPaths {
  [path: string]: Record<Method, AnyOperation>
}

/** An operation of which nothing is known. */
export interface AnyOperation {
  parameters: {
    path?: Record<string, Value>
    query?: Record<string, Value | readonly Value[] | undefined>
    header?: Record<string, Value | undefined>
  }
  requestBody?: { content: { 'application/json': unknown } }
  responses: { default: { content: { 'application/json': unknown } } }
}

type Value = string | number | boolean

/** The paths that have an operation of this method. */
export type PathsOf<Paths, M extends Method> = {
  [P in keyof Paths]: Paths[P] extends { readonly [K in M]: infer Operation }
    ? Operation extends object
      ? P
      : never
    : never
}[keyof Paths] &
  string

export type OperationOf<Paths, P extends keyof Paths, M extends Method> = Paths[P] extends {
  readonly [K in M]: infer Operation
}
  ? Operation
  : never

/** `{ path, query, headers, body }` as far as the operation has them; what it requires is required. */
export type ParametersOf<Operation> = Optional<'path', Parameter<Operation, 'path'>> &
  Optional<'query', Parameter<Operation, 'query'>> &
  Optional<'headers', Parameter<Operation, 'header'>> &
  Optional<'body', BodyOf<Operation>>

type Parameter<Operation, Where extends 'path' | 'query' | 'header'> = Operation extends {
  parameters: { readonly [K in Where]?: infer T }
}
  ? Known<T>
  : undefined

type BodyOf<Operation> = Operation extends { requestBody: { content: infer Content } }
  ? Sent<Content>
  : Operation extends { requestBody?: { content: infer Content } | undefined }
    ? Sent<Content> | undefined
    : undefined

/** JSON is given as a value, everything else as fetch takes it. */
type Sent<Content> = Content extends { readonly [K in infer T]: unknown }
  ? T extends keyof Content & string
    ? IsJson<T> extends true
      ? Content[T]
      : NonNullable<RequestInit['body']>
    : never
  : undefined

/** openapi-typescript writes `query?: never` for what is not there. */
type Known<T> = [T] extends [never] ? undefined : [NonNullable<T>] extends [never] ? undefined : T

type Optional<Name extends string, T> = [T] extends [undefined]
  ? { readonly [K in Name]?: undefined }
  : undefined extends T
    ? { readonly [K in Name]?: T }
    : Record<never, never> extends T
      ? { readonly [K in Name]?: T }
      : { readonly [K in Name]: T }

type IsJson<T extends string> = T extends `${string}/json${string}` | `${string}+json${string}` ? true : false

type Good = 200 | 201 | 202 | 203 | 204 | 205 | 206 | '2XX'

type Responses<Operation> = Operation extends { responses: infer R } ? R : never

/** What the body of an answer is: JSON as its type, text as a string, everything else as bytes in a Blob, nothing as undefined. */
type Got<Answer> = Answer extends { content: infer Content }
  ? {
      [T in keyof Content & string]: IsJson<T> extends true ? Content[T] : T extends `text/${string}` ? string : Blob
    }[keyof Content & string]
  : undefined

/** The type of a good answer; `default` counts only where no good answer is described. */
export type DataOf<Operation, R = Responses<Operation>> = [keyof R & Good] extends [never]
  ? R extends { default: infer Answer }
    ? Got<Answer>
    : unknown
  : Got<R[keyof R & Good]>

/** The type of every other answer. */
export type ErrorOf<Operation, R = Responses<Operation>> = [Exclude<keyof R, Good>] extends [never]
  ? unknown
  : Got<R[Exclude<keyof R, Good>]>

/** An answer of the service: good (2xx) with `data`, or not with the service's own `error`. */
export type Answer<Operation> =
  | { readonly ok: true; readonly status: number; readonly data: DataOf<Operation>; readonly response: Response }
  | { readonly ok: false; readonly status: number; readonly error: ErrorOf<Operation>; readonly response: Response }
