import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, CreatedAction } from "@jetmesh/protocol";
import { eventually } from "@jetmesh/testkit";

/** Actions as a test makes and looks at them. */
export interface Runs {
  readonly make: (kind: string, argument?: object, more?: object) => Promise<string>;
  readonly get: (id: string) => Promise<ActionRecord>;
  readonly until: (
    id: string,
    what: string,
    isSo: (now: ActionRecord) => boolean,
    withinMs?: number,
  ) => Promise<ActionRecord>;
  /** It has an outcome. */
  readonly ended: (id: string, withinMs?: number) => Promise<ActionRecord>;
  readonly closed: (id: string) => Promise<ActionRecord>;
}

/** Of a client that is connected before the first of them is asked. */
export function runsOf(client: () => MeshClient): Runs {
  const runs: Runs = {
    make: async (kind, argument = {}, more = {}) =>
      (await client().request<CreatedAction>("action.create", { kind, argument, ...more })).actionId,
    get: (id) => client().request<ActionRecord>("action.get", { id }),
    until: (id, what, isSo, withinMs = 20_000) =>
      eventually(
        what,
        async () => {
          const now = await runs.get(id);
          return isSo(now) ? now : undefined;
        },
        { withinMs },
      ),
    ended: (id, withinMs) =>
      runs.until(id, "the action to end", ({ outcome }) => outcome !== undefined, withinMs),
    closed: (id) => runs.until(id, "the action to be closed", ({ state }) => state === "CLOSED"),
  };
  return runs;
}
