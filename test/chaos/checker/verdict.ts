import type { ActionSeen, Evidence, HistorySeen, LineSeen } from "./evidence.ts";
import { mostAtOnce, rulesKept } from "./rules.ts";
import { COLUMNS, type Column, type Violation } from "./violation.ts";

export interface Verdict {
  readonly triggers: number;
  readonly accepted: number;
  readonly refused: number;
  readonly closed: number;
  readonly columns: Readonly<Record<Column, number>>;
  readonly violations: readonly Violation[];
  /** How many ran at a time, at most, under each limit: where it is as many as may, they contended for it. */
  readonly most: Readonly<Record<string, number>>;
  readonly takeoverMs: { readonly p50: number; readonly p99: number; readonly count: number };
}

/** A broker ends a TTL a little late, and reading takes its time. */
const TTL_SLACK_MS = 10_000;

/**
 * Design §7 held against what is there; pure, and ignorant of how the mesh does it. Each violation names the action
 * or the trigger concerned, so that its history can be printed.
 */
export function judge(evidence: Evidence): Verdict {
  const closed = evidence.history.filter(({ what }) => what === "closed");
  const refused = evidence.history.filter(({ what }) => what === "refused");
  const actions = actionsOf(closed);
  const actionOf = (id: string): string => actions.get(id) ?? "";
  const violations = [
    ...onceOnly(evidence, closed),
    ...stepsInOrder(evidence, closed),
    ...oneAtATime(evidence),
    ...everythingEnded(evidence),
    ...jetsRest(evidence),
    ...nothingLost(evidence, closed, refused),
    ...recordsLiveTheirTime(evidence, closed),
    ...outcomesAreTrue(evidence, closed),
    ...rulesKept(evidence, actionOf),
  ];
  const keysOf = (entries: readonly HistorySeen[]): Set<string> =>
    new Set(entries.map(({ key }) => key).filter((key) => key !== undefined));
  const acceptedKeys = keysOf(closed);
  const asked = new Set(evidence.asked.map(({ key }) => key));
  const refusedKeys = new Set([
    ...keysOf(refused),
    ...evidence.asked.filter(({ refusal }) => refusal !== undefined).map(({ key }) => key),
  ]);
  return {
    triggers: evidence.asked.length,
    accepted: [...asked].filter((key) => acceptedKeys.has(key)).length,
    refused: [...asked].filter((key) => refusedKeys.has(key) && !acceptedKeys.has(key)).length,
    closed: new Set(closed.map(({ id }) => id)).size,
    columns: Object.fromEntries(
      COLUMNS.map((column) => [column, violations.filter((one) => one.column === column).length]),
    ) as Record<Column, number>,
    violations,
    most: mostAtOnce(evidence, actionOf),
    takeoverMs: takeovers(evidence, closed),
  };
}

const actionsOf = (closed: readonly HistorySeen[]): Map<string, string> =>
  new Map(closed.map(({ id, action }) => [id, action ?? ""]));

const groupBy = <T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> =>
  Map.groupBy(all, keyOf);

/** §7.1: one main for an attempt; one action for a trigger; one entry of the history for an action. */
function onceOnly({ lines }: Evidence, closed: readonly HistorySeen[]): Violation[] {
  const begins = lines.filter(({ what }) => what === "begin");
  const twice = [...groupBy(begins, ({ id, attempt, step }) => `${id} ${String(attempt)} ${step}`)]
    .filter(([, all]) => all.length > 1)
    .map(
      ([which, [first]]): Violation => ({
        column: "doubleMains",
        says: `begun more than once in one attempt: ${which}`,
        about: first?.id ?? "",
      }),
    );
  const byKey = groupBy(
    closed.filter(({ key, via }) => key !== undefined && via !== "target"),
    ({ key }) => key ?? "",
  );
  const accepted = [...byKey]
    .filter(([, all]) => new Set(all.map(({ id }) => id)).size > 1)
    .map(
      ([key, all]): Violation => ({
        column: "doubleMains",
        says: `the trigger ${key} made ${all.map(({ id }) => id).join(" and ")}`,
        about: all[0]?.id ?? key,
      }),
    );
  const recorded = [...groupBy(closed, ({ id }) => id)]
    .filter(([, all]) => all.length > 1)
    .map(
      ([id, all]): Violation => ({
        column: "others",
        says: `${String(all.length)} entries of the history say that ${id} was closed`,
        about: id,
      }),
    );
  return [...twice, ...accepted, ...recorded];
}

/** §7.4: a step that has ended never runs again; one that was interrupted only where it may. */
function stepsInOrder({ lines, mayRunAgain }: Evidence, closed: readonly HistorySeen[]): Violation[] {
  const actionOf = actionsOf(closed);
  const found: Violation[] = [];
  const begins = lines.filter(({ what }) => what === "begin");
  for (const [id, own] of groupBy(begins, (line) => line.id)) {
    for (const [step, all] of groupBy(own, (line) => line.step)) {
      if (all.length > 1 && !mayRunAgain.has(`${actionOf.get(id) ?? ""}/${step}`)) {
        found.push({
          column: "repeatedSteps",
          says: `${step} of ${id} ran ${String(all.length)} times`,
          about: id,
        });
      }
    }
    let furthest = -1;
    for (const { step } of own) {
      const place = Number(step.replace("step-", ""));
      if (place < furthest)
        found.push({
          column: "repeatedSteps",
          says: `${step} of ${id} ran after a later one had begun`,
          about: id,
        });
      furthest = Math.max(furthest, place);
    }
  }
  return found;
}

/** §7.3: no step of an action begins once another action of the same jet has begun. */
function oneAtATime({ lines }: Evidence): Violation[] {
  const found: Violation[] = [];
  for (const [jet, own] of groupBy(
    lines.filter(({ what }) => what === "begin"),
    (line) => line.jet,
  )) {
    const over = new Set<string>();
    let present: LineSeen | undefined;
    for (const line of own) {
      if (present !== undefined && present.id !== line.id) over.add(present.id);
      if (over.has(line.id)) {
        found.push({
          column: "doubleMains",
          says: `${line.id} and another ran side by side on jet ${jet}`,
          about: line.id,
        });
      }
      present = line;
    }
  }
  return found;
}

function everythingEnded({ actions, left }: Evidence): Violation[] {
  const open = actions
    .filter(({ state }) => state !== undefined && state !== "CLOSED")
    .map(
      ({ id, state }): Violation => ({ column: "openActions", says: `${id} is ${state ?? ""}`, about: id }),
    );
  const queued = (["triggers", "resumes", "dead"] as const)
    .filter((name) => left[name] > 0)
    .map(
      (name): Violation => ({
        column: "others",
        says: `${String(left[name])} ${name} are left`,
        about: name,
      }),
    );
  return [...open, ...queued];
}

function jetsRest({ jets, mayRestIn }: Evidence): Violation[] {
  return jets
    .filter(
      (jet) =>
        !jet.isDestroyed &&
        (jet.open !== undefined ||
          jet.waits > 0 ||
          jet.hasTarget ||
          (jet.state !== undefined && !mayRestIn.has(jet.state))),
    )
    .map((jet) => ({
      column: "unsettledJets",
      says: `jet ${jet.reference} is ${jet.state ?? "undefined"}, open ${jet.open ?? "nothing"}, ${String(jet.waits)} wait`,
      about: jet.open ?? jet.reference,
    }));
}

/** §7.2, §7.8: every trigger that was taken ended, or was refused with a code. */
function nothingLost(
  { asked }: Evidence,
  closed: readonly HistorySeen[],
  refused: readonly HistorySeen[],
): Violation[] {
  const known = new Set([...closed, ...refused].map(({ key }) => key));
  const ids = new Set([...closed, ...refused].map(({ id }) => id));
  return asked.flatMap((one): Violation[] => {
    if (!one.taken || one.refusal !== undefined) return [];
    if (one.actionId !== undefined ? ids.has(one.actionId) : known.has(one.key)) return [];
    const says = `${one.via} trigger ${one.key} of ${one.action} on ${one.jet} was taken and came to nothing`;
    return [{ column: "lost", says, about: one.actionId ?? one.key }];
  });
}

/** §7.5: a closed record is there for its time, and gone after it; nothing old runs anything. */
function recordsLiveTheirTime(
  { actions, at, closedTtlMs, linesAfterwards }: Evidence,
  closed: readonly HistorySeen[],
): Violation[] {
  const byId = new Map(actions.map((one) => [one.id, one]));
  const found: Violation[] = [];
  for (const { id, storedAt } of closed) {
    const record: ActionSeen | undefined = byId.get(id);
    const isThere = record?.state !== undefined;
    if (!isThere && at - storedAt < closedTtlMs - TTL_SLACK_MS)
      found.push({ column: "lost", says: `the closed record of ${id} is gone before its time`, about: id });
    if (isThere && at - record.storedAt > closedTtlMs + TTL_SLACK_MS)
      found.push({ column: "resurrected", says: `the closed record of ${id} outlives its time`, about: id });
  }
  if (linesAfterwards > 0)
    found.push({
      column: "resurrected",
      says: `${String(linesAfterwards)} lines were written by messages that were sent again afterwards`,
      about: "afterwards",
    });
  return found;
}

/** An outcome says what happened outside: a success ended all that it began, an error is one that was to be expected. */
function outcomesAreTrue({ lines, mayEndWith }: Evidence, closed: readonly HistorySeen[]): Violation[] {
  const byAction = groupBy(lines, ({ id }) => id);
  return closed.flatMap(({ id, outcome, code, action }): Violation[] => {
    if (outcome === "ERROR") {
      if (code !== undefined && mayEndWith.has(code)) return [];
      return [{ column: "others", says: `${id} ended with ${code ?? "no code"}`, about: id }];
    }
    const own = byAction.get(id) ?? [];
    const begun = new Set(own.filter(({ what }) => what === "begin").map(({ step }) => step));
    const ended = new Set(own.filter(({ what }) => what === "end").map(({ step }) => step));
    if (begun.size > 0 && begun.size === ended.size) return [];
    const says = `${id} (${action ?? ""}) succeeded, but ${String(begun.size)} steps began and ${String(ended.size)} ended`;
    return [{ column: "others", says, about: id }];
  });
}

/** From the kill of a runner to the next transition of what it was executing. */
function takeovers({ killed }: Evidence, closed: readonly HistorySeen[]): Verdict["takeoverMs"] {
  const byId = new Map(closed.map((entry) => [entry.id, entry]));
  const took = killed
    .flatMap(({ at, ids }) =>
      ids.flatMap((id) => {
        const transitions = byId.get(id)?.transitions ?? [];
        const before = transitions.findLast((one) => one.at <= at);
        const next = transitions.find((one) => one.at > at);
        return before?.to === "EXECUTING_MAIN" && next !== undefined ? [next.at - at] : [];
      }),
    )
    .toSorted((a, b) => a - b);
  const quantile = (q: number): number => took[Math.min(took.length - 1, Math.floor(took.length * q))] ?? 0;
  return { p50: Math.round(quantile(0.5)), p99: Math.round(quantile(0.99)), count: took.length };
}
