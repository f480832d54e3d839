import type { MeshClient } from "@jetmesh/client";
import { expect } from "vitest";
import { firingsOf, refusedOf } from "./schedules.ts";

/**
 * Of a schedule by the second: every instant from the first to the last of which anything is known has one action or one
 * word in the history, never both and never two.
 */
export async function judgeBySecond(client: MeshClient, schedule: string, jet?: string): Promise<void> {
  const fired = await firingsOf(client, schedule);
  const refused = await refusedOf(client, schedule);
  const instants = fired.map(({ at }) => at);
  expect(new Set(instants).size, "an instant has two actions").toBe(instants.length);
  expect(fired.map(({ action }) => action.jet)).toEqual(fired.map(() => jet));
  const words = refused.map(({ id }) => id);
  expect(new Set(words).size, "an instant has two words in the history").toBe(words.length);
  const ids = new Set(fired.map(({ action }) => action.id));
  const both = words.filter((id) => ids.has(id));
  expect(both, "done, and said not to be").toEqual([]);
  const left = refused.flatMap(({ trigger, refusal }) => {
    const at = trigger?.key.slice(schedule.length + 1) ?? "";
    const [, from] = /what fell due from (\S+) until/.exec(refusal?.message ?? "") ?? [];
    if (refusal?.code !== "firing_missed" || from === undefined) return [at];
    // All from the one until before the other.
    const all: string[] = [];
    for (let ms = Date.parse(from); ms < Date.parse(at); ms += 1_000) all.push(new Date(ms).toISOString());
    return all;
  });
  const seen = [...new Set([...instants, ...left])].toSorted();
  const steps = seen.slice(1).map((at, nth) => Date.parse(at) - Date.parse(seen[nth] ?? ""));
  expect(steps, `an instant is missing among ${seen.join(" ")}`).toEqual(steps.map(() => 1_000));
}
