// Credentials that a supervisor hands over. Settings never come this way (config.ts).

/** A variable of the environment, for credentials only: undefined where it is not set or empty. */
export function environment(name: string): string | undefined {
  return process.env[name] || undefined
}
