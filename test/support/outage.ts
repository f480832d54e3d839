import { eventually } from "@jetmesh/testkit";

/** Where the time for which something is away is what a test is about: waits until so much has passed since. */
export async function passed(ms: number, since: number): Promise<void> {
  await eventually(
    `${String(ms)} ms to have passed`,
    () => (performance.now() - since >= ms ? true : undefined),
    { withinMs: ms + 1_000 },
  );
}
