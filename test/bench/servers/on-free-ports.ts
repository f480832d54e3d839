import { freePorts } from "@jetmesh/testkit";

const MOST_TRIES = 4;

/** Starts something on free ports, and on others where somebody was quicker. */
export async function onFreePorts<T>(
  count: number,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePorts(count));
    } catch (thrown) {
      if (tries >= MOST_TRIES || !/address (already )?in use/i.test(String(thrown))) throw thrown;
    }
  }
}
