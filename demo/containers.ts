// The same country with one container per process (docker-compose.yml): nobody supervises here, so the steps of `demo up`
// become three short programs that run between the others: write the files, enrol, open and send the first message.
import { applyFederation, ceremony, enrolServer, notesOf, type ServerCertificates, takeAnchor } from './enrolment.ts'
import { DemoError } from './error.ts'
import { readAbout, writeFiles, writeServerFiles } from './files.ts'
import { firstMessage } from './first-message.ts'
import { type Layout, layoutOf } from './layout.ts'
import { openServer } from './opening.ts'
import { count, type Progress } from './progress.ts'

export const CONTAINER_STEPS = ['prepare', 'enrol', 'open'] as const
export type ContainerStep = (typeof CONTAINER_STEPS)[number]

export interface Placement {
  readonly directory: string
  /** For `prepare`: addresses, and the folder where the PINs are. */
  readonly base: string | undefined
  readonly secrets: string | undefined
}

export async function containerStep(step: ContainerStep, placement: Placement, progress: Progress): Promise<void> {
  const layout = layoutFor(step, placement)
  switch (step) {
    case 'prepare':
      await writeFiles(layout)
      progress.done('prepared', layout.directory)
      return
    case 'enrol':
      progress.done('enrolled', `${count((await enrol(layout)).length, 'change')} published`)
      return
    case 'open':
      await Promise.all(layout.servers.map((server) => openServer(layout, server)))
      await firstMessage(layout, progress)
  }
}

function layoutFor(step: ContainerStep, { directory, base, secrets }: Placement): Layout {
  if (step === 'prepare') {
    if (base === undefined || secrets === undefined)
      throw new DemoError('usage', 'usage: demo prepare --dir DIR --base A.B.C --secrets DIR')
    return layoutOf(directory, base, { secrets })
  }
  const layout = readAbout(directory)
  if (!layout) throw new DemoError('other_state', `${directory} is not prepared; first: demo prepare`)
  return layout
}

async function enrol(layout: Layout): Promise<readonly string[]> {
  const authorities = ceremony(layout)
  const enrolled = layout.servers.map(
    async (server): Promise<[string, ServerCertificates]> => [
      server.code,
      await enrolServer(server, authorities, layout),
    ],
  )
  const certificates = new Map(await Promise.all(enrolled))
  const changes = await applyFederation(layout, await authorities, certificates)
  await takeAnchor(layout)
  await writeServerFiles(layout, notesOf(certificates))
  return changes
}
