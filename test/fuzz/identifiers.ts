import fc from 'fast-check'
import { type ClientId, decodeClientId, ProtocolError, type ServerId, type ServiceId } from '#protocol'
import { bears } from './campaign.ts'

/** What identifiers and paths are attacked with. */
export const SEGMENTS = [
  ...[
    '/',
    '//',
    '.',
    '..',
    '/../',
    '/./',
    '%2F',
    '%2f',
    '%5C',
    '%00',
    '%0D%0A',
    '%25',
    '%2525',
    '%',
    '%2',
    '%GG',
    '%C3',
    '%C3%28',
    '%ED%A0%80',
    '%F0%9F%98%80',
    '%EF%BB%BF',
    '%E2%80%8B',
  ],
  ...[
    ';',
    ';a=b',
    '..;x',
    '%2e%2e',
    '%2E.',
    ':',
    '\\',
    '?',
    '#',
    '*',
    '**',
    '\\*',
    '\\\\',
    ' ',
    '\t',
    '\r\n',
    '\u0000',
    'é',
    '\uFEFF',
    '__proto__',
    'a'.repeat(256),
    '[',
    ']',
    '{',
    '}',
    '@',
    '+',
  ],
]

/** A part that identifiers may have. */
export const part = fc
  .oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
    fc.string({ minLength: 1, maxLength: 20 }),
    fc.constantFrom('a', 'B', 'a/b', 'a%2Fb', 'a;b', 'õ', '%25', 'a b', 'a:b', '...'),
  )
  .filter(
    (text) =>
      bears(() => decodeClientId(`a/b/${encodeURIComponent(text.toWellFormed())}`), ProtocolError) !== undefined,
  )

export const clientId: fc.Arbitrary<ClientId> = fc
  .tuple(part, part, part, fc.option(part, { nil: undefined }))
  .map(([instance, memberClass, memberCode, subsystemCode]) => ({
    instance,
    memberClass,
    memberCode,
    ...(subsystemCode === undefined ? {} : { subsystemCode }),
  }))
export const serverId: fc.Arbitrary<ServerId> = fc
  .tuple(part, part, part, part)
  .map(([instance, memberClass, memberCode, serverCode]) => ({ instance, memberClass, memberCode, serverCode }))
export const serviceId: fc.Arbitrary<ServiceId> = fc
  .tuple(part, part, part, part, part)
  .map(([instance, memberClass, memberCode, subsystemCode, serviceCode]) => ({
    instance,
    memberClass,
    memberCode,
    subsystemCode,
    serviceCode,
  }))
