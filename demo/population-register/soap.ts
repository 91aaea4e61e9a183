// The register over SOAP, as persons.wsdl describes it: for callers that speak nothing else yet.
import { join } from 'node:path'
import type { SoapService } from '../soap/endpoint.ts'
import { SoapFault } from '../soap/fault.ts'
import { parsePersonalCode } from './personal-code.ts'
import { portrait } from './photo.ts'
import type { RegisterStore, StoredPerson } from './store.ts'

export const PERSONS_WSDL = join(import.meta.dirname, 'persons.wsdl')

export function soapService(store: Pick<RegisterStore, 'find'>): SoapService {
  const find = (personalCode: string): StoredPerson => {
    if (!parsePersonalCode(personalCode))
      throw new SoapFault('Client', 'invalid_personal_code', 'this is not a valid Estonian personal code')
    const person = store.find(personalCode)
    if (!person)
      throw new SoapFault('Client', 'unknown_person', `nobody in the register has the personal code ${personalCode}`)
    return person
  }
  return {
    namespace: 'urn:demo:population-register',
    operations: {
      getPerson: {
        fields: ['personalCode'],
        answer({ personalCode = '' }) {
          const { givenName, surname, sex, dateOfBirth, address } = find(personalCode)
          const { street, postalCode, municipality, county } = address
          const place = { street, postalCode, municipality, county }
          return { content: { personalCode, givenName, surname, sex, dateOfBirth, address: place } }
        },
      },
      getPhoto: {
        fields: ['personalCode'],
        answer({ personalCode = '' }) {
          const bytes = portrait(find(personalCode).personalCode)
          return {
            content: { personalCode, photo: 'cid:photo' },
            attachment: { id: 'photo', type: 'image/png', bytes },
          }
        },
      },
    },
  }
}
