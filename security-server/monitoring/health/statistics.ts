// What getSecurityServerHealthData tells: each provided service over the last minutes (wire-client §6.3). In memory only, from the start.
import { type ClientId, clientOf, idKey, type ServiceId, sameId } from '#protocol'
import type { ServiceType } from '../operational/exchange.ts'
import type { Finished } from '../operational/to-record.ts'
import { Running } from './running.ts'

/** The period slides in steps of a sixtieth: 10 s of the usual 600. */
const STEPS = 60

export interface ServiceHealth {
  readonly service: ServiceId
  /** Milliseconds since 1970. */
  readonly lastSuccessful?: number
  readonly lastUnsuccessful?: number
  readonly serviceType?: ServiceType
  readonly successful: number
  readonly unsuccessful: number
  /** Of successful exchanges; milliseconds and bytes. */
  readonly duration: Running
  readonly requestSize: Running
  readonly responseSize: Running
}

export interface HealthSettings {
  readonly periodSeconds: number
  /** Whether a service is one of this server's: a peer may ask for any name, and names are not counted. */
  readonly knows: (service: ServiceId) => boolean
}

interface Step {
  readonly number: number
  successful: number
  unsuccessful: number
  readonly duration: Running
  readonly requestSize: Running
  readonly responseSize: Running
}

interface Service {
  readonly id: ServiceId
  lastSuccessful?: number
  lastUnsuccessful?: number
  type?: ServiceType
  /** Oldest first; none is older than the period when it is read. */
  steps: Step[]
}

export class HealthStatistics {
  readonly #settings: HealthSettings
  readonly #stepMs: number
  readonly #services = new Map<string, Service>()

  constructor(settings: HealthSettings) {
    this.#settings = settings
    this.#stepMs = (settings.periodSeconds * 1000) / STEPS
  }

  /** Counts an exchange of the producer's side; others do not count. */
  add({ exchange, outcome, responseOutTs }: Finished): void {
    if (exchange.side !== 'Producer' || exchange.service === undefined) return
    const service = this.#service(exchange.service)
    if (service === undefined) return
    if (exchange.serviceType !== undefined) service.type = exchange.serviceType
    const step = this.#step(service, responseOutTs)
    if (!outcome.succeeded) {
      service.lastUnsuccessful = responseOutTs
      step.unsuccessful++
      return
    }
    service.lastSuccessful = responseOutTs
    step.successful++
    step.duration.add(responseOutTs - exchange.requestInTs)
    if (exchange.requestSize !== undefined) step.requestSize.add(exchange.requestSize)
    if (exchange.responseSize !== undefined) step.responseSize.add(exchange.responseSize)
  }

  /** Every service that was called since the start, in order of first call; with `provider`, only those of exactly that one. */
  services(at: number, provider?: ClientId): ServiceHealth[] {
    const found: ServiceHealth[] = []
    for (const [key, service] of this.#services) {
      // What was taken away since is forgotten here, so that the table is never larger than the registry was.
      if (!this.#settings.knows(service.id)) this.#services.delete(key)
      else if (provider === undefined || sameId(clientOf(service.id), provider)) found.push(this.#summary(service, at))
    }
    return found
  }

  #service(id: ServiceId): Service | undefined {
    // No part of an identifier has a line break.
    const key = `${idKey(clientOf(id))}\n${id.serviceCode}\n${id.serviceVersion ?? ''}`
    let service = this.#services.get(key)
    if (service === undefined) {
      if (!this.#settings.knows(id)) return undefined
      service = { id, steps: [] }
      this.#services.set(key, service)
    }
    return service
  }

  #step(service: Service, at: number): Step {
    const number = Math.floor(at / this.#stepMs)
    const last = service.steps.at(-1)
    // A clock that was set back counts into the last step rather than into one out of order.
    if (last !== undefined && last.number >= number) return last
    const step = {
      number,
      successful: 0,
      unsuccessful: 0,
      duration: new Running(),
      requestSize: new Running(),
      responseSize: new Running(),
    }
    service.steps = [...service.steps.filter((one) => one.number > number - STEPS), step]
    return step
  }

  #summary({ id, lastSuccessful, lastUnsuccessful, type, steps }: Service, at: number): ServiceHealth {
    const current = Math.floor(at / this.#stepMs)
    const summary = {
      service: id,
      ...(lastSuccessful === undefined ? {} : { lastSuccessful }),
      ...(lastUnsuccessful === undefined ? {} : { lastUnsuccessful }),
      ...(type === undefined ? {} : { serviceType: type }),
      successful: 0,
      unsuccessful: 0,
      duration: new Running(),
      requestSize: new Running(),
      responseSize: new Running(),
    }
    for (const step of steps) {
      if (step.number <= current - STEPS) continue
      summary.successful += step.successful
      summary.unsuccessful += step.unsuccessful
      summary.duration.merge(step.duration)
      summary.requestSize.merge(step.requestSize)
      summary.responseSize.merge(step.responseSize)
    }
    return summary
  }
}
