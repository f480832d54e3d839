import { timed } from "@jetmesh/lifecycle";
import { definitionKey, scheduleKey } from "@jetmesh/protocol";
import { askAccess, RefusedError } from "@jetmesh/service-kit";
import { swapBatch } from "@jetmesh/storage";
import { APPLY_LANE } from "./apply.ts";
import { armAsWritten } from "./arm-schedule.ts";
import { accessOf } from "./carry-out-firing.ts";
import type { Deps } from "./deps.ts";

const MOST_TRIES = 20;

/**
 * Pauses a schedule, or has it go on: the same as to apply it so. Whoever has it go on owns it from then on, and must
 * have the right to what it does.
 */
export function pauseSchedule(
  deps: Deps,
  user: string,
  reference: string,
  paused: boolean,
): Promise<{ readonly reference: string }> {
  const [key, ofRecord] = [definitionKey("Schedule", reference), scheduleKey(reference)];
  return deps.lanes.run(APPLY_LANE, async () => {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const record = await deps.store.schedules.get(ofRecord);
      const stored = await deps.store.definitions.get(key);
      const is = stored.kind === "record" ? stored.value.definition : undefined;
      if (stored.kind !== "record" || is?.kind !== "Schedule" || record.kind !== "record")
        throw new RefusedError("unknown_schedule", `there is no schedule '${reference}'`);
      await judge(deps, user, reference, is, paused);
      if (is.paused === paused) return { reference };
      const definition = { ...is, paused };
      const { owner } = stored.value;
      const value = { ...stored.value, definition, owner: paused && owner !== undefined ? owner : user };
      const next = timed(definition, record.value, deps.instance, deps.clock.now());
      const { connection, names } = deps;
      const written = await swapBatch(connection, names, names.buckets.definitions, [
        { key, value, expected: stored.revision },
        { key: ofRecord, value: next, expected: record.revision },
      ]);
      if (written === "conflict") continue;
      await deps.definitions.catchUp();
      await armAsWritten(deps, reference);
      return { reference };
    }
    throw new RefusedError("conflict", `schedule '${reference}' is changed too often just now`);
  });
}

async function judge(
  deps: Deps,
  user: string,
  reference: string,
  is: Parameters<typeof accessOf>[1] & { readonly accessLevel: "user" | "manager" | "root" },
  paused: boolean,
): Promise<void> {
  const schedule = { user, kind: "Schedule", reference } as const;
  const after = { accessLevel: is.accessLevel, isManaged: false };
  const verdicts = await askAccess(deps, [
    { operation: "definition.read", ...schedule },
    { operation: "definition.write", ...schedule, change: "update", after },
    ...(paused ? [] : [accessOf(user, is)]),
  ]);
  const denied = verdicts.find(({ allow }) => !allow);
  if (denied?.allow === false) throw new RefusedError(denied.code, denied.message);
}
