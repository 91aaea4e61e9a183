// Members in certificate subjects (wire-conf §5.3): the recorded certificates, and every profile read back from its own request.
import assert from 'node:assert/strict'
import test from 'node:test'
import {
  isProfile,
  memberFromCertificate,
  ProtocolError,
  profileClassName,
  requestSubject,
  type SubjectFacts,
  shortId,
} from '#protocol'
import { type Certificate, oids, parseCertificate, readDer, readName, writeName } from '#trust'
import { needsVectors, vector } from '../../vectors.ts'

const FACTS: SubjectFacts = {
  instance: 'EE',
  memberClass: 'GOV',
  memberCode: '70000001',
  memberName: 'Ministry',
  serverCode: 'ss1',
  dnsName: 'ss1.example',
  country: 'EE',
}

/** Only the subject of a certificate is read. */
function certificate(subject: readonly { oid: string; value: string }[]): Certificate {
  return { subject: readName(readDer(writeName(subject))) } as Certificate
}

const {
  commonName: CN,
  serialNumber: SERIAL,
  country: C,
  organization: O,
  organizationalUnit: OU,
  businessCategory: BC,
  organizationIdentifier: OI,
} = oids

const member = (profile: string, ...subject: readonly (readonly [oid: string, value: string])[]): string =>
  shortId(memberFromCertificate(profile, certificate(subject.map(([oid, value]) => ({ oid, value }))), 'EE'))

function refused(profile: string, ...subject: readonly (readonly [oid: string, value: string])[]): void {
  assert.throws(
    () => member(profile, ...subject),
    (error) => error instanceof ProtocolError && error.code === 'incorrect_certificate',
    JSON.stringify(subject),
  )
}

test('signing certificates of the recorded traffic name their members', (t) => {
  if (!needsVectors(t)) return
  for (const [file, wanted] of [
    ['sign1.pem', 'TEST/COM/1111'],
    ['sign2.pem', 'TEST/COM/2222'],
    ['sign1-ec.pem', 'TEST/COM/1111'],
  ] as const) {
    const signing = parseCertificate(vector('recorded', 'certs', file))
    for (const profile of [
      'FiVRK',
      'ee.ria.xroad.common.certificateprofile.impl.FiVRKCertificateProfileInfoProvider',
    ]) {
      assert.equal(shortId(memberFromCertificate(profile, signing, 'TEST')), wanted)
    }
  }
})

test('what a request says is what is read from the certificate', () => {
  for (const profile of ['Basic', 'BasicACME', 'Ejbca', 'FiVRK', 'Fo', 'Is', 'SkKlass3']) {
    const subject = requestSubject(profile, 'signing', FACTS)
    assert.equal(
      shortId(memberFromCertificate(profileClassName(profile), certificate(subject), 'EE')),
      'EE/GOV/70000001',
      profile,
    )
    assert.ok(requestSubject(profile, 'authentication', FACTS).length > 0)
    assert.ok(isProfile(profile) && isProfile(profileClassName(profile)))
  }
  assert.equal(profileClassName(profileClassName('Basic')), profileClassName('Basic'))
  assert.ok(!isProfile('Own'))
  assert.throws(() => memberFromCertificate('com.example.Own', certificate([]), 'EE'), {
    code: 'incorrect_certificate',
  })
})

test('subjects of requests, in order', () => {
  const subject = (profile: string, use: 'authentication' | 'signing') =>
    requestSubject(profile, use, FACTS).map(({ oid, value }) => `${oid}=${value}`)
  assert.deepEqual(subject('Basic', 'authentication'), [
    `${CN}=ss1.example`,
    `${SERIAL}=70000001`,
    `${C}=EE`,
    `${O}=Ministry`,
  ])
  assert.deepEqual(subject('Basic', 'signing'), [
    `${CN}=Ministry`,
    `${O}=Ministry`,
    `${BC}=GOV`,
    `${C}=EE`,
    `${SERIAL}=70000001`,
  ])
  assert.deepEqual(subject('FiVRK', 'signing'), [`${C}=FI`, `${O}=Ministry`, `${SERIAL}=EE/ss1/GOV`, `${CN}=70000001`])
  assert.deepEqual(subject('Fo', 'authentication'), [`${C}=FO`, `${O}=EE`, `${CN}=EE/GOV/70000001/ss1`])
})

test('Basic', () => {
  assert.equal(member('Basic', [BC, 'GOV'], [SERIAL, '7']), 'EE/GOV/7')
  // The last of a repeated attribute counts.
  assert.equal(member('Basic', [BC, 'GOV'], [SERIAL, '7'], [SERIAL, '8']), 'EE/GOV/8')
  assert.equal(member('Basic', [BC, 'GOV'], [SERIAL, 'a+b,c=d']), 'EE/GOV/a+b,c=d')
  refused('Basic', [BC, 'GOV'])
  refused('Basic', [SERIAL, '7'])
  refused('Basic', [BC, 'GOV'], [SERIAL, ''])
  refused('Basic', [BC, 'GOV'], [SERIAL, ' '])
  refused('Basic', [BC, 'GOV'], [SERIAL, '..'])
  refused('Basic', [BC, 'GOV'], [SERIAL, 'x'.repeat(256)])
  refused('Basic', [BC, 'G\u200BOV'], [SERIAL, '7'])
})

test('Ejbca, FiVRK, Fo, Is', () => {
  assert.equal(member('Ejbca', [C, 'DEV'], [O, 'GOV'], [CN, '7']), 'DEV/GOV/7')
  refused('Ejbca', [C, 'DEV'], [O, 'GOV'])
  assert.equal(member('FiVRK', [C, 'FI'], [O, 'Org'], [CN, '7'], [SERIAL, 'FI-DEV/ss/GOV']), 'FI-DEV/GOV/7')
  assert.equal(member('FiVRK', [C, 'FI'], [O, 'FI-DEV'], [OU, 'GOV'], [CN, '7']), 'FI-DEV/GOV/7')
  assert.equal(member('FiVRK', [C, 'FI-DEV'], [O, 'GOV'], [CN, '7']), 'FI-DEV/GOV/7')
  refused('FiVRK', [C, 'SE'], [O, 'Org'], [CN, '7'], [SERIAL, 'FI/ss/GOV'])
  refused('FiVRK', [C, 'FI'], [O, 'Org'], [CN, '7'], [SERIAL, 'FI/GOV'])
  refused('FiVRK', [C, 'FI'], [O, 'Org'], [CN, '7'], [SERIAL, 'FI/ss/GOV/x'])
  refused('FiVRK', [C, 'FI'], [CN, '7'], [SERIAL, 'FI/ss/GOV'])
  refused('FiVRK', [C, 'SE'], [O, 'FI'], [OU, 'GOV'], [CN, '7'])
  assert.equal(member('Fo', [C, 'FO'], [O, 'FO-X'], [OU, 'COM'], [CN, '7'], [SERIAL, 'any']), 'FO-X/COM/7')
  refused('Fo', [C, 'FO'], [O, 'FO-X'], [OU, 'COM'], [CN, '7'])
  refused('Fo', [C, 'DK'], [O, 'FO-X'], [OU, 'COM'], [CN, '7'], [SERIAL, 'any'])
  assert.equal(member('Is', [C, 'IS'], [O, 'IS-X'], [OU, 'COM'], [CN, '7'], [SERIAL, 'any']), 'IS-X/COM/7')
  assert.equal(member('Is', [C, 'IS-X'], [O, 'COM'], [CN, '7']), 'IS-X/COM/7')
  refused('Is', [C, 'IS'], [O, 'IS-X'], [OU, 'COM'], [CN, '7'])
})

test('SkKlass3: Estonian registers', () => {
  assert.equal(member('SkKlass3', [OI, 'NTREE-12345678']), 'EE/COM/12345678')
  assert.equal(member('SkKlass3', [OI, 'GO:EE-70000001'], [SERIAL, '12345678']), 'EE/GOV/70000001')
  assert.equal(member('SkKlass3', [OI, 'NP:EE-80000001']), 'EE/NGO/80000001')
  assert.equal(member('SkKlass3', [OI, 'NTRLV-400']), 'EE/NEE/NTRLV-400')
  assert.equal(member('SkKlass3', [SERIAL, '10000001']), 'EE/COM/10000001')
  assert.equal(member('SkKlass3', [SERIAL, '70000001']), 'EE/GOV/70000001')
  assert.equal(member('SkKlass3', [SERIAL, '90000001']), 'EE/NGO/90000001')
  for (const serial of ['00000001', '1234567', '123456789', '1234567a', '']) refused('SkKlass3', [SERIAL, serial])
  refused('SkKlass3', [OI, 'NTREE-'])
  assert.equal(member('SkEsteId', [SERIAL, '38001010000']), 'EE/PERSON/38001010000')
})
