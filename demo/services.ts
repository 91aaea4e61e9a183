// What each security server of the demo speaks for, offers and allows: its server.yaml as its operator could have written it.
import { CUSTOMS, EMBASSY, INTERIOR, idOf, LAND_BOARD, type Layout, type Member, type ServerLayout } from './layout.ts'

/** The document that `saadik apply --server` takes (docs/services.md). */
export function services(layout: Layout, { owner, guests }: ServerLayout): object {
  return {
    clients: [owner, ...guests].flatMap((member) =>
      member.subsystems.map(({ code }) => ({
        id: idOf(member, code),
        connection: 'HTTP',
        ...(offers(layout, member) && { services: offers(layout, member) }),
      })),
    ),
  }
}

function offers({ population, land }: Layout, member: Member): readonly object[] | undefined {
  const customs = { subject: idOf(CUSTOMS, 'client') }
  switch (member) {
    case INTERIOR: {
      const at = `http://${population.host}:${population.port}`
      const access = [
        customs,
        // The embassy may look at one person, and may not search or change: try it.
        { subject: idOf(EMBASSY, 'embassy'), endpoints: ['GET /persons/*', 'GET /persons/*/photo'] },
        // The land register asks for the names of owners.
        { subject: idOf(LAND_BOARD, 'land-register'), endpoints: ['GET /persons/*'] },
      ]
      return [
        { code: 'persons', openapi: `${at}/openapi.yaml`, access },
        { wsdl: `${at}/persons.wsdl`, access: [customs] },
      ]
    }
    case LAND_BOARD:
      return [{ wsdl: `http://${land.host}:${land.port}/land.wsdl`, access: [customs] }]
    default:
      return undefined
  }
}
