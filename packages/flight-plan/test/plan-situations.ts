import { type JournalEntry, PlanDefinition } from "@jetmesh/protocol";
import { type Advance, advance, type PlanNode, planTree } from "../src/index.ts";

export const NOW = Date.parse("2026-01-01T12:00:00.000Z");

export const planOf = (steps: readonly object[], more: object = {}, reference = "p"): PlanDefinition =>
  PlanDefinition.parse({ kind: "Plan", reference, name: reference, steps, ...more });

export const treeOf = (
  steps: readonly object[],
  more: object = {},
  called: readonly PlanDefinition[] = [],
): PlanNode => planTree(planOf(steps, more), Object.fromEntries(called.map((one) => [one.reference, one])));

export type Ends = Readonly<Record<string, Partial<JournalEntry>>>;

export const OK: Partial<JournalEntry> = { outcome: "SUCCESS" };
export const BAD: Partial<JournalEntry> = {
  ...{ outcome: "ERROR", exitCode: 1 },
  error: { code: "step_failed", message: "exited with code 1" },
};

/** Goes through a plan, ending each open step as it is told to (else well), all that are open at once. */
export function walk(
  tree: PlanNode,
  ends: Ends = {},
  values: Readonly<Record<string, unknown>> = {},
): Advance {
  let now = NOW;
  let next = advance(tree, [], values, now);
  while (next.end === undefined) {
    now += 10;
    const open = new Set(next.open.map(({ entry }) => entry.reference));
    const journal = next.journal.map((entry) =>
      open.has(entry.reference)
        ? { ...entry, endedAt: new Date(now).toISOString(), ...(ends[entry.reference] ?? OK) }
        : entry,
    );
    next = advance(tree, journal, values, now);
  }
  return next;
}

export const way = ({ journal }: Pick<Advance, "journal">): string[] =>
  journal.map(({ reference, outcome }) => `${reference} ${outcome ?? "open"}`);
