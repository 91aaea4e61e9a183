// A change as tests seal it.
import type { Change } from '#continuity'

export const CHANGE: Change = {
  operation: 'update',
  relation: 'public.persons',
  key: { code: '38203190108' },
  row: { code: '38203190108', surname: 'Tamm', photo: Uint8Array.of(0, 255, 10), died: null, __proto__: 'no' },
  position: '0/16B3748',
  at: new Date('2026-11-28T09:00:00.123Z'),
}
