// How often something may happen: so many at once after a pause, then so many in a second.
import type { Clock } from '#host'

export function rateLimit(
  { perSecond, atOnce }: { readonly perSecond: number; readonly atOnce: number },
  clock: Clock,
): () => boolean {
  let left = atOnce
  let since = clock.now().getTime()
  return () => {
    const now = clock.now().getTime()
    // A clock that was set back gives nothing; one that was set forward gives no more than a pause does.
    left = Math.min(atOnce, left + Math.max(0, (now - since) / 1000) * perSecond)
    since = now
    if (left < 1) return false
    left -= 1
    return true
  }
}
