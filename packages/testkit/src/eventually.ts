/**
 * Waits until `look` gives something other than undefined, and gives that. Fails at the deadline with what was
 * waited for and what was last seen. This is how tests wait: for a condition, never for a time.
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | Promise<T | undefined>,
  {
    withinMs = 10_000,
    everyMs = 10,
    lastSeen = () => "",
  }: { withinMs?: number; everyMs?: number; lastSeen?: () => unknown } = {},
): Promise<T> {
  const until = performance.now() + withinMs;
  let problem: Error | undefined;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
      problem = undefined;
    } catch (thrown) {
      problem = thrown instanceof Error ? thrown : new Error(String(thrown));
    }
    if (performance.now() >= until) {
      const seen = lastSeen();
      const detail =
        seen === "" ? "" : `; last seen: ${typeof seen === "string" ? seen : JSON.stringify(seen)}`;
      throw new Error(
        `waited ${String(withinMs)} ms for ${what}${detail}${problem === undefined ? "" : `; ${problem.message}`}`,
        { cause: problem },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
