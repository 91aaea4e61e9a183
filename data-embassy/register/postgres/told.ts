// A change before it has its place.
import type { Change } from '#continuity'

export type Told = Pick<Change, 'operation' | 'relation' | 'key' | 'row'>
