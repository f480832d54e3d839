/**
 * The first of what there is to wait for, or undefined once the time has passed. What may never come is left out, not raced as a
 * promise that never ends: such a one keeps something of each race that it was ever in (6 KB for a plan of five steps). The
 * timer goes with the race.
 */
export async function firstOf<T>(
  waits: readonly (Promise<T> | undefined)[],
  withinMs = Number.POSITIVE_INFINITY,
): Promise<T | undefined> {
  const some: Promise<T | undefined>[] = waits.filter((one) => one !== undefined);
  let timer: NodeJS.Timeout | undefined;
  if (withinMs !== Number.POSITIVE_INFINITY)
    some.push(
      new Promise((resolve) => {
        timer = setTimeout(() => resolve(undefined), Math.min(Math.max(0, withinMs), MOST_MS));
      }),
    );
  try {
    return await Promise.race(some);
  } finally {
    clearTimeout(timer);
  }
}

/** Node's timers end here; whoever waits for longer looks again. */
const MOST_MS = 2 ** 31 - 1;
