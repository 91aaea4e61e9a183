// Time is handed in, so that a test or a recorded exchange can set it.

export interface Clock {
  now(): Date
}

export const systemClock: Clock = { now: () => new Date() }
