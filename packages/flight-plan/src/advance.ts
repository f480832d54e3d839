import { type Now, toInstant, toMs } from "@jetmesh/lifecycle";
import type { ActionError, JournalEntry } from "@jetmesh/protocol";
import { ExpressionError, holds } from "./expression.ts";
import { judgeStep, type PlanEnd, type StepEnd } from "./judge-step.ts";
import { isWaiting, type PlanNode, type StepNode } from "./plan-tree.ts";
import { TemplateError, type TemplateValues } from "./render.ts";
import { scopeOf, valuesInside } from "./scopes.ts";

/**
 * How far a plan has come, and what comes next. Everything follows from the journal: what has ended, was skipped or is open.
 * So whoever takes the plan up goes on where it was, and what was decided once is not decided again:
 *
 *   a step is begun by its entry, which is written before the step runs;
 *   a condition is asked when its step's turn comes, and what it said is an entry as well;
 *   rules are read from what the entry says, and say the same each time.
 *
 * Once a plan is cut, or out of its time, nothing of its steps begins and what is open is to end; but the `finally` of every plan
 * that has begun runs, and no time of a plan counts for that.
 */
export interface Advance {
  readonly journal: readonly JournalEntry[];
  /** All steps that are open now, those that were just opened included. */
  readonly open: readonly OpenStep[];
  /** The plan has ended; nothing is open then. */
  readonly end: PlanEnd | undefined;
}

export interface OpenStep {
  readonly node: StepNode;
  readonly entry: JournalEntry;
  /** What its templates and expressions see. */
  readonly values: TemplateValues;
  /** When it is cut, by its plan's time or its own, and with what. */
  readonly deadline: Deadline | undefined;
}

export interface Deadline {
  readonly at: number;
  readonly error: ActionError;
}

type Open = "open";

export function advance(
  tree: PlanNode,
  journal: readonly JournalEntry[],
  values: TemplateValues,
  now: Now,
  cut?: Deadline,
): Advance {
  const entries = new Map(journal.map((entry) => [entry.reference, entry]));
  const open: OpenStep[] = [];
  const add = (entry: JournalEntry): JournalEntry => {
    entries.set(entry.reference, entry);
    return entry;
  };
  const endAtOnce = (node: StepNode, end: Pick<JournalEntry, "outcome" | "error">): StepEnd => {
    const at = toInstant(now);
    return asEnd(add({ reference: node.path, startedAt: at, endedAt: at, ...end }));
  };

  const walkPlan = (plan: PlanNode, outer: TemplateValues, limit: Deadline | undefined): PlanEnd | Open => {
    const deadline = earlier(limit, planDeadline(plan, entries));
    const scope = scopeOf(plan, outer, entries);
    const main = walkSteps(plan, scope, deadline);
    if (main === "open") return main;
    // A rule may have called a step that was cut a success: the action that ends as canceled is none.
    let end: PlanEnd = plan === tree && cut !== undefined ? { outcome: "ERROR", error: cut.error } : main;
    if (plan.last.length === 0) return end;
    const facts = { ...scope, outcome: end.outcome, error: end.outcome === "ERROR" ? end.error : null };
    for (const node of plan.last) {
      const ended = walkStep(node, facts, undefined);
      if (ended === "open") return "open";
      const { error } = ended;
      if (error !== undefined && end.outcome === "SUCCESS") end = { outcome: "ERROR", error };
    }
    return end;
  };

  const walkSteps = (
    plan: PlanNode,
    scope: TemplateValues,
    deadline: Deadline | undefined,
  ): PlanEnd | Open => {
    let kept: ActionError | undefined;
    for (const node of plan.steps) {
      if (deadline !== undefined && deadline.at <= now && !hasBegun(node, entries))
        return { outcome: "ERROR", error: deadline.error };
      const ended = walkStep(node, scope, deadline);
      if (ended === "open") return "open";
      const verdict = judgeStep(node.step, node.path, ended, plan.plan.onError, scope);
      if (verdict.is === "over") return verdict.end;
      kept ??= verdict.error;
    }
    return kept === undefined ? { outcome: "SUCCESS" } : { outcome: "ERROR", error: kept };
  };

  const walkStep = (node: StepNode, scope: TemplateValues, limit: Deadline | undefined): StepEnd | Open => {
    const entry = entries.get(node.path);
    if (entry?.endedAt !== undefined) return asEnd(entry);
    if (entry === undefined && !hasBegun(node, entries)) {
      const refused = refusalOf(node, scope);
      if (refused !== undefined) return endAtOnce(node, refused);
    }
    if (node.verb === "parallel") return walkBranches(node, scope, limit);
    if (node.calls !== undefined) return walkCall(node, node.calls, scope, limit);
    const began = entry ?? add({ reference: node.path, startedAt: toInstant(now), ...waitOf(node, now) });
    open.push({ node, entry: began, values: scope, deadline: earlier(limit, stepDeadline(node, began)) });
    return "open";
  };

  const walkBranches = (
    node: StepNode,
    scope: TemplateValues,
    limit: Deadline | undefined,
  ): StepEnd | Open => {
    // A plan that runs once at a time has its turn when the call before has ended, in the order of the group.
    const busy = new Set<string>();
    const ended = node.branches.map((branch): readonly [StepNode, StepEnd | Open] => {
      const waits = branch.alone.some((plan) => busy.has(plan)) && !hasBegun(branch, entries);
      const end = waits ? "open" : walkStep(branch, scope, limit);
      if (end === "open") for (const plan of branch.alone) busy.add(plan);
      return [branch, end];
    });
    // A rule that ends the plan ends it once the others have ended as well.
    if (ended.some(([, end]) => end === "open")) return "open";
    let first: ActionError | undefined;
    for (const [branch, end] of ended) {
      if (end === "open") continue;
      const verdict = judgeStep(branch.step, branch.path, end, "continue", scope);
      if (verdict.is === "over") return { outcome: verdict.end.outcome, ends: verdict.end };
      first ??= verdict.error;
    }
    return first === undefined ? { outcome: "SUCCESS" } : { outcome: "ERROR", error: first };
  };

  const walkCall = (
    node: StepNode,
    called: PlanNode,
    scope: TemplateValues,
    limit: Deadline | undefined,
  ): StepEnd | Open => {
    try {
      return walkPlan(called, valuesInside(node, called, scope), limit);
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      return endAtOnce(node, broken(thrown.message));
    }
  };

  const end = walkPlan(tree, values, cut);
  const isSame = entries.size === journal.length;
  return {
    journal: isSame ? journal : [...entries.values()],
    open,
    end: end === "open" ? undefined : end,
  };
}

/** Why a step does not run, asked once, when its turn has come. */
function refusalOf(
  { step }: StepNode,
  scope: TemplateValues,
): Pick<JournalEntry, "outcome" | "error"> | undefined {
  if (step.when === undefined) return undefined;
  try {
    return holds(step.when, scope) ? undefined : { outcome: "SKIPPED" };
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    return { outcome: "ERROR", error: { code: "step_failed", message: `its condition: ${thrown.message}` } };
  }
}

const broken = (why: string): Pick<JournalEntry, "outcome" | "error"> => ({
  outcome: "ERROR",
  error: { code: "step_failed", message: `broken template in ${why}` },
});

function asEnd({ reference, outcome = "ERROR", exitCode, status, error }: JournalEntry): StepEnd {
  if (outcome !== "ERROR") return { outcome, exitCode, status };
  const { code, message } = error ?? { code: "step_failed", message: "failed" };
  return { outcome, exitCode, status, error: { code, message: `step '${reference}': ${message}` } };
}

function hasBegun(node: StepNode, entries: ReadonlyMap<string, JournalEntry>): boolean {
  if (entries.has(node.path)) return true;
  if (node.branches.length === 0 && node.calls === undefined) return false;
  return firstInside(node.path, entries) !== undefined;
}

/** Entries stand in the order in which they began. */
function firstInside(path: string, entries: ReadonlyMap<string, JournalEntry>): JournalEntry | undefined {
  for (const entry of entries.values())
    if (path === "" || entry.reference.startsWith(`${path}/`)) return entry;
  return undefined;
}

function waitOf({ step }: StepNode, now: Now): Pick<JournalEntry, "waitUntil"> {
  if (step.wait === undefined) return {};
  return { waitUntil: toInstant(typeof step.wait === "number" ? now + step.wait : now) };
}

/** A plan's time counts from its first step on, waits included. */
function planDeadline(
  { plan, path }: PlanNode,
  entries: ReadonlyMap<string, JournalEntry>,
): Deadline | undefined {
  const first = plan.timeout === 0 ? undefined : firstInside(path, entries);
  if (first === undefined) return undefined;
  const message = `plan '${plan.reference}' did not end within ${String(plan.timeout)} ms`;
  return { at: toMs(first.startedAt) + plan.timeout, error: { code: "step_timeout", message } };
}

/** Steps that run are timed by each try; of those that wait the time counts from their begin. */
function stepDeadline({ step, verb }: StepNode, entry: JournalEntry): Deadline | undefined {
  if (step.timeout === 0 || !isWaiting({ verb })) return undefined;
  const message = `did not end within ${String(step.timeout)} ms`;
  return { at: toMs(entry.startedAt) + step.timeout, error: { code: "step_timeout", message } };
}

function earlier(one: Deadline | undefined, other: Deadline | undefined): Deadline | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.at < one.at ? other : one;
}
