// The same country with one container per process (docker-compose.yml): nobody supervises here, so the steps of `demo up`
// become three short programs that run between the others: write the files, enrol, open and send the first message.
import { applyFederation, ceremony, enrolServer, type ServerCertificates, takeAnchor } from './enrolment.ts'
import { writeFiles } from './files.ts'
import { firstMessage } from './first-message.ts'
import type { Layout } from './layout.ts'
import { openServer } from './opening.ts'
import { count, type Progress } from './progress.ts'

export const CONTAINER_STEPS = ['prepare', 'enrol', 'open'] as const
export type ContainerStep = (typeof CONTAINER_STEPS)[number]

export async function containerStep(step: ContainerStep, layout: Layout, progress: Progress): Promise<void> {
  switch (step) {
    case 'prepare':
      await writeFiles(layout)
      progress.done('prepared', layout.directory)
      return
    case 'enrol': {
      const authorities = ceremony(layout)
      const certificates = new Map(
        await Promise.all(
          layout.servers.map(
            async (server): Promise<[string, ServerCertificates]> => [
              server.code,
              await enrolServer(server, authorities, layout),
            ],
          ),
        ),
      )
      const changes = await applyFederation(layout, await authorities, certificates)
      await takeAnchor(layout)
      progress.done('enrolled', `${count(changes.length, 'change')} published`)
      return
    }
    case 'open':
      await Promise.all(layout.servers.map((server) => openServer(layout, server)))
      await firstMessage(layout, progress)
  }
}
