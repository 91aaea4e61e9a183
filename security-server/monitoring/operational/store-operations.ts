// What the store's thread can be asked to do.
import { openStore, type Store, type StorePlace } from '#host'
import {
  append,
  clean,
  type NewRow,
  type Page,
  type PageQuestion,
  page,
  type Window,
  type WindowQuestion,
  window,
} from './queries.ts'
import { migrations, type OperationalDatabase } from './schema.ts'

export type StoreOperations = {
  append(input: { readonly rows: readonly NewRow[]; readonly ts: number }): Promise<void>
  window(question: WindowQuestion): Promise<Window>
  page(question: PageQuestion): Promise<Page>
  clean(input: { readonly before: number; readonly keep: number; readonly rows: number }): Promise<number>
  /** Last of all. */
  close(argument: undefined): Promise<void>
}

export function storeOperations(place: StorePlace): StoreOperations {
  const store: Store<OperationalDatabase> = openStore(place, migrations)
  return {
    append: ({ rows, ts }) => append(store.db, rows, ts),
    window: (question) => window(store.db, question),
    page: (question) => page(store.db, question),
    clean: ({ before, keep, rows }) => clean(store.db, before, keep, rows),
    close: () => store.close(),
  }
}
