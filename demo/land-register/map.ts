// The map of a property: its parcel among its neighbours, with a road and perhaps a house; always the same for one code.
import { createHash } from 'node:crypto'
import { type Colour, png } from '../png.ts'
import type { Property } from './properties.ts'

const SIZE = 240
const ROAD: Colour = [214, 208, 196]
const EDGE: Colour = [120, 110, 96]
const BORDER: Colour = [196, 40, 40]
const HOUSE: Colour = [150, 120, 100]
const GROUND: Readonly<Record<Property['purpose'], Colour>> = {
  residential: [238, 228, 204],
  agricultural: [240, 226, 150],
  forest: [168, 200, 150],
  commercial: [222, 208, 226],
}

/** PNG bytes, 240 × 240. */
export function mapOf({ cadastralCode, purpose }: Pick<Property, 'cadastralCode' | 'purpose'>): Buffer {
  const seed = createHash('sha256').update(cadastralCode).digest()
  const at = (index: number) => seed[index] ?? 0
  const left = 50 + (at(0) % 30)
  const right = 150 + (at(1) % 40)
  const top = 45 + (at(2) % 30)
  const bottom = 140 + (at(3) % 40)
  const slope = ((at(4) % 40) - 20) / 100
  const road = bottom + 18 + (at(5) % 12)
  const built = purpose === 'residential' || purpose === 'commercial'
  const house = { x: left + 15 + (at(6) % 30), y: top + 15 + (at(7) % 20), width: 20 + (at(8) % 16), height: 16 }
  const grounds = Object.values(GROUND)

  return png(SIZE, SIZE, (x, row) => {
    const y = row - (x - SIZE / 2) * slope
    if (Math.abs(y - road) < 7) return ROAD
    if (Math.abs(y - road) < 8) return EDGE
    const inside = x > left && x < right && y > top && y < bottom
    if (inside) {
      if (Math.min(x - left, right - x, y - top, bottom - y) < 3) return BORDER
      const inHouse = x >= house.x && x < house.x + house.width && y >= house.y && y < house.y + house.height
      return built && inHouse ? HOUSE : GROUND[purpose]
    }
    const [column, line] = [x < left ? 0 : x < right ? 1 : 2, y < top ? 0 : y < bottom ? 1 : 2]
    const onEdge =
      [left, right].some((edge) => Math.abs(x - edge) < 1) || [top, bottom].some((edge) => Math.abs(y - edge) < 1)
    return onEdge ? EDGE : (grounds[at(9 + column * 3 + line) % grounds.length] as Colour)
  })
}
