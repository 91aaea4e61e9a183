// The land register's services, as land.wsdl describes them.
import { join } from 'node:path'
import { parsePersonalCode } from '../population-register/personal-code.ts'
import type { Operation, SoapService } from '../soap/endpoint.ts'
import { headerText } from '../soap/envelope.ts'
import { SoapFault } from '../soap/fault.ts'
import { Xml, type XmlElement } from '../soap/xml.ts'
import { mapOf } from './map.ts'
import type { Names } from './owners.ts'
import type { Property } from './properties.ts'
import type { LandStore } from './store.ts'

export const LAND_WSDL = join(import.meta.dirname, 'land.wsdl')

export function landService(store: LandStore, names: Names): SoapService {
  const property = (cadastralCode: string): Property => {
    if (!/^\d{5}:\d{3}:\d{4}$/.test(cadastralCode))
      throw new SoapFault('Client', 'invalid_cadastral_code', 'a cadastral code is as 10001:101:0001')
    const found = store.find(cadastralCode)
    if (!found) throw new SoapFault('Client', 'unknown_property', `there is no property ${cadastralCode}`)
    return found
  }
  const findProperty: Operation = {
    fields: ['cadastralCode'],
    async answer({ cadastralCode = '' }, header) {
      const found = property(cadastralCode)
      const owner = await Promise.all(
        store.ownersOf(cadastralCode).map(async ({ personalCode, share }) => {
          const name = await names.of(personalCode, matterOf(header))
          if (!name) throw new SoapFault('Server', 'unknown_owner', 'an owner is not in the population register')
          return { personalCode, givenName: name.givenName, surname: name.surname, share }
        }),
      )
      return { content: { ...shown(found), owner } }
    },
  }
  const listPropertiesOf: Operation = {
    fields: ['personalCode'],
    async answer({ personalCode = '' }, header) {
      if (!parsePersonalCode(personalCode))
        throw new SoapFault('Client', 'invalid_personal_code', 'this is not a valid Estonian personal code')
      const name = await names.of(personalCode, matterOf(header))
      if (!name) throw new SoapFault('Client', 'unknown_person', `nobody has the personal code ${personalCode}`)
      const owned = store.propertiesOf(personalCode).map((each) => ({ ...shown(each), share: each.share }))
      return {
        content: { personalCode, givenName: name.givenName, surname: name.surname, property: owned },
      }
    },
  }
  const getMap: Operation = {
    fields: ['cadastralCode'],
    answer({ cadastralCode = '' }) {
      const bytes = mapOf(property(cadastralCode))
      const include = '<xop:Include xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:map"/>'
      return {
        content: { cadastralCode, map: new Xml(include) },
        attachment: { id: 'map', type: 'image/png', bytes, xop: true },
      }
    },
  }
  return { namespace: 'urn:demo:land-register', operations: { findProperty, listPropertiesOf, getMap } }
}

/** In the order of the schema. */
function shown({ cadastralCode, address, areaSquareMetres, purpose }: Property) {
  const { street, postalCode, municipality, county } = address
  return { cadastralCode, address: { street, postalCode, municipality, county }, areaSquareMetres, purpose }
}

/** Who asks the land register, and in which matter, is told to the population register too: its log says why it was asked. */
function matterOf(header: readonly XmlElement[]) {
  const userId = headerText(header, 'userId')
  const issue = headerText(header, 'issue')
  return { ...(userId ? { userId } : {}), ...(issue ? { issue } : {}) }
}
