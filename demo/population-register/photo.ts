// A passport photo for somebody who does not exist: a PNG drawn from the personal code, always the same for one code.
import { createHash } from 'node:crypto'
import { type Colour, png } from '../png.ts'

const WIDTH = 120
const HEIGHT = 160

const SKIN: readonly Colour[] = [
  [250, 224, 200],
  [241, 205, 174],
  [224, 182, 148],
  [198, 152, 116],
  [156, 112, 82],
  [112, 78, 58],
]
const HAIR: readonly Colour[] = [
  [58, 42, 32],
  [96, 66, 42],
  [150, 108, 62],
  [206, 172, 110],
  [168, 84, 50],
  [150, 150, 152],
  [30, 28, 30],
]

/** The portrait as PNG bytes. */
export function portrait(personalCode: string): Buffer {
  const seed = createHash('sha256').update(personalCode).digest()
  const at = (index: number) => seed[index] ?? 0
  const skin = SKIN[at(0) % SKIN.length] as Colour
  const hair = HAIR[at(1) % HAIR.length] as Colour
  const wall: Colour = [200 + (at(2) % 40), 205 + (at(3) % 40), 210 + (at(4) % 40)]
  const coat: Colour = [at(5) % 160, at(6) % 160, at(7) % 160]
  const faceWidth = 27 + (at(8) % 8)
  const faceHeight = 36 + (at(9) % 8)
  const hairLength = 4 + (at(10) % 40)
  const smile = 1 + (at(11) % 5)

  const pixel = (x: number, y: number): Colour => {
    const dx = x - WIDTH / 2
    const dy = y - 68
    const inFace = (dx / faceWidth) ** 2 + (dy / faceHeight) ** 2 <= 1
    if (inFace && dy > -faceHeight * 0.45) {
      if (Math.hypot(Math.abs(dx) - faceWidth * 0.42, dy + 4) < 3) return [40, 40, 48]
      if (Math.abs(dx) < 11 && Math.abs(dy - 19 + (dx * dx * smile) / 121) < 1.6) return [170, 82, 82]
      return skin
    }
    const inHair = (dx / (faceWidth + 6)) ** 2 + ((dy + 4) / (faceHeight + 6)) ** 2 <= 1 && dy < hairLength
    if (inFace || inHair) return hair
    if (Math.abs(dx) < faceWidth * 0.4 && dy > 0 && dy < faceHeight + 14) return skin
    if ((dx / 54) ** 2 + ((y - HEIGHT) / 46) ** 2 <= 1) return coat
    return wall
  }

  return png(WIDTH, HEIGHT, pixel)
}
