// One after another: what is compared must be what is replaced, and two must not take the same number.

/** Runs one task after another, in the order they came; a failed one does not stop the next. */
export function turnstile(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return (task) => {
    const next = last.then(task, task)
    last = next
    return next
  }
}
