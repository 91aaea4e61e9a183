import assert from 'node:assert/strict'
import test from 'node:test'
import { checksum, makePersonalCode, parsePersonalCode } from '../../../demo/population-register/personal-code.ts'
import { population } from '../../../demo/population-register/population.ts'

test('published example codes are valid', () => {
  // Examples that the Estonian authorities print: the ID-card specimen and EVS 585's worked example.
  for (const code of ['47101010033', '37605030299', '38001085718', '60001019906'])
    assert.ok(parsePersonalCode(code), code)
})

test('the second weights decide when the first leave 10', () => {
  // 4·1+9·2+4·3+0·4+3·5+1·6+3·7+6·8+5·9+1·1 = 170 = 15·11 + 5
  assert.equal(checksum('4940313651'), 5)
  const twoStages = firstWith((ten) => stage(ten, FIRST) === 10 && stage(ten, SECOND) < 10)
  assert.equal(checksum(twoStages), stage(twoStages, SECOND))
  const twiceTen = firstWith((ten) => stage(ten, FIRST) === 10 && stage(ten, SECOND) === 10)
  assert.equal(checksum(twiceTen), 0)
})

// An independent statement of the rule: sum of digit × weight, modulo 11.
const FIRST = '1234567891'
const SECOND = '3456789123'
const stage = (ten: string, weights: string) =>
  [...ten].reduce((sum, digit, at) => sum + Number(digit) * Number(weights[at]), 0) % 11

function firstWith(holds: (firstTen: string) => boolean): string {
  for (let serial = 0; serial < 1000; serial++) {
    for (let day = 1; day <= 28; day++) {
      const ten = `39901${String(day).padStart(2, '0')}${String(serial).padStart(3, '0')}`
      if (holds(ten)) return ten
    }
  }
  throw new Error('no such code')
}

test('century and sex come from the first digit', () => {
  assert.deepEqual(parsePersonalCode(makePersonalCode({ sex: 'male', dateOfBirth: '1899-12-31' }, 1)), {
    sex: 'male',
    dateOfBirth: '1899-12-31',
  })
  assert.deepEqual(parsePersonalCode(makePersonalCode({ sex: 'female', dateOfBirth: '2004-02-29' }, 999)), {
    sex: 'female',
    dateOfBirth: '2004-02-29',
  })
})

test('what is not a code is refused', () => {
  const valid = '47101010033'
  for (const wrong of [
    '',
    '4710101003',
    `${valid}0`,
    '47101010034',
    '07101010033',
    '4710101003x',
    ' 47101010033',
    '４７101010033',
  ]) {
    assert.equal(parsePersonalCode(wrong), undefined, JSON.stringify(wrong))
  }
  const february = `4710230003`
  assert.equal(parsePersonalCode(`${february}${checksum(february)}`), undefined, '30 February')
})

test('the population is large, valid, unique and the same every time', () => {
  const everyone = [...population()]
  assert.ok(everyone.length >= 10_000)
  assert.equal(new Set(everyone.map((person) => person.personalCode)).size, everyone.length)
  for (const { personalCode, sex, dateOfBirth } of everyone)
    assert.deepEqual(parsePersonalCode(personalCode), { sex, dateOfBirth })
  assert.deepEqual(everyone.slice(0, 50), [...population(50)])
  // Pinned: README, the demo's calls and people's notes name these persons.
  const { address: _, ...first } = everyone[0] ?? { address: undefined }
  assert.deepEqual(first, {
    personalCode: '38203190108',
    givenName: 'Sten',
    surname: 'Rebane',
    sex: 'male',
    dateOfBirth: '1982-03-19',
  })
})
