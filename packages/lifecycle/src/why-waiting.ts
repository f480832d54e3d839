import type { ActionRecord } from "@jetmesh/protocol";
import {
  type ActionView,
  type JetView,
  ownerOfSlots,
  queueInWords,
  type TemplateDefinition,
} from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { isWaitingForSlots } from "./action.ts";
import { hasPassed, type Now } from "./instants.ts";

/** What a jet or an action is waiting for, of what can be known from its record. */
export interface Waiting {
  readonly for:
    | "runner"
    | "slot"
    | "delay"
    | "retry"
    | "watcher"
    | "step"
    | "signal"
    | "approval"
    | "resume"
    | "settling"
    | "rollback"
    | "requirement"
    | "turn"
    | "target"
    | "nothing";
  readonly message: string;
  /** Until then at the latest, where that is known. */
  readonly until?: string;
}

export function whyAction(record: ActionView, now: Now): Waiting {
  const waiting = whyState(record, now);
  const { cut, outcome, unserved } = record;
  const none = unserved === true && waiting.for === "runner" ? ": none is there" : "";
  const isEnding = cut !== undefined && outcome === undefined;
  const ending = isEnding ? `; it is being ended (${cut.error.message})` : "";
  return { ...waiting, message: `${waiting.message}${none}${ending}` };
}

function whyState(record: ActionView, now: Now): Waiting {
  const { timers, claim, attempt } = record;
  return match(record.state)
    .returnType<Waiting>()
    .with("SLEEPING", () => {
      const { notBefore } = timers;
      const waits = notBefore !== undefined && !hasPassed(notBefore, now);
      if (!waits && isWaitingForSlots(record)) return whySlot(record);
      if (notBefore === undefined || hasPassed(notBefore, now))
        return { for: "runner", message: `a runner of ${queueInWords(record)} that begins it` };
      return attempt > 1
        ? { for: "retry", message: `its attempt ${attempt}`, until: notBefore }
        : { for: "delay", message: "the delay before it begins", until: notBefore };
    })
    .with("EXECUTING_MAIN", () => ({
      for: "step",
      message: `${stepOf(record)}, which runner ${claim?.runner ?? "(unknown)"} runs`,
      ...until(timers.expiresAt),
    }))
    .with("IN_PROGRESS", () => {
      const open = record.journal.findLast(({ endedAt }) => endedAt === undefined);
      if (open?.waitUntil !== undefined && !hasPassed(open.waitUntil, now))
        return { for: "delay", message: `the wait of step '${open.reference}'`, until: open.waitUntil };
      if (claim !== undefined)
        return { for: "watcher", message: `the watcher, which runner ${claim.runner} asks` };
      const ofSteps = whySteps(record) ?? whyPlan(record);
      if (ofSteps !== undefined) return ofSteps;
      const { watchAt } = timers;
      if (watchAt !== undefined && !hasPassed(watchAt, now))
        return { for: "watcher", message: "the watcher, which is asked again", until: watchAt };
      return { for: "runner", message: `a runner of ${queueInWords(record)} that asks its watcher` };
    })
    .with("PAUSED", () => ({ for: "resume", message: "somebody who resumes it: it is paused" }))
    .with("SUCCESS", "ERROR", () => ({
      for: "settling",
      message: "its jet to be settled, which the state-store does at once",
    }))
    .with("REVERTING", () => ({
      for: "rollback",
      message: "its rollback to end",
      ...until(timers.expiresAt),
    }))
    .with("CLOSED", "REVERTED", () => ({ for: "nothing", message: "nothing: it is over" }))
    .exhaustive();
}

/** Of a jet whose open action is that of `open`; undefined where there is none, or where it cannot be seen. */
export function whyJet(
  jet: JetView,
  now: Now,
  { open, template }: { open?: ActionView | undefined; template?: TemplateDefinition | undefined } = {},
): Waiting {
  if (jet.open !== undefined) {
    if (open !== undefined) return whyAction(open, now);
    return {
      for: "step",
      message: `action ${jet.open.id}, which you may not see or which is just being made`,
    };
  }
  const [next] = jet.queue;
  if (next !== undefined) {
    const needed = (template?.requires ?? [])
      .filter(({ actions }) => actions.length === 0 || actions.includes(next.action))
      .map((one) => `a jet of template '${one.template}' in state '${one.state}'`);
    return needed.length === 0
      ? { for: "turn", message: `'${next.action}' has its turn next` }
      : { for: "requirement", message: `${needed.join(", ")}, for '${next.action}'` };
  }
  if (jet.target !== undefined)
    return { for: "target", message: `the next action on the way to '${jet.target.state}'` };
  return { for: "nothing", message: "nothing: no action is open and none waits" };
}

/** Of which limit, how much of it is in use, and how many come before. */
function whySlot({ slots, place }: ActionView): Waiting {
  const key = place?.key ?? slots?.keys[0]?.key ?? "";
  const { kind, reference } = ownerOfSlots(key);
  const of = kind === "Limit" ? `limit '${reference}'` : "its plan";
  if (place === undefined) return { for: "slot", message: `a slot of ${of}` };
  const { inUse, of: most, before, nextAt } = place;
  const used = most === 0 ? `${String(inUse)} in use` : `${String(inUse)} of ${String(most)} in use`;
  return { for: "slot", message: `a slot of ${of} (${used}, ${String(before)} before it)`, ...until(nextAt) };
}

/** What of a workflow has not ended: what others do first, then what only time brings. */
function whySteps({ steps = [] }: ActionRecord): Waiting | undefined {
  const open = steps.filter(({ end }) => end === undefined);
  const actions = open.filter(({ what }) => what === "action" || what === "call" || what === "signal");
  if (actions.length > 0) {
    const names = actions.slice(0, 5).map(({ ref }) => `'${ref}'`);
    const more = actions.length > 5 ? ` and ${String(actions.length - 5)} more` : "";
    return { for: "step", message: `${actions.length === 1 ? "step" : "steps"} ${names.join(", ")}${more}` };
  }
  const [wait] = open.filter(({ what }) => what === "wait");
  if (wait !== undefined)
    return { for: "signal", message: `signal '${wait.of ?? wait.ref}'`, ...until(wait.until) };
  const [sleep] = open;
  return sleep === undefined
    ? undefined
    : { for: "delay", message: `the sleep '${sleep.ref}'`, ...until(sleep.until) };
}

/** What of a plan waits: a person, and for that which steps; other actions and jets. */
function whyPlan(record: ActionRecord): Waiting | undefined {
  const { journal } = record;
  const open = journal.filter(({ endedAt }) => endedAt === undefined);
  if (open.length === 0) return undefined;
  const asks = open.filter(({ children, waitUntil }) => children === undefined && waitUntil === undefined);
  if (asks.length > 0)
    return { for: "approval", message: `somebody who approves ${asks.map(nameOf).join(", ")}` };
  return { for: "step", message: stepOf(record) };
}

const nameOf = ({ reference }: { readonly reference: string }): string => `step '${reference}'`;

const until = (at: string | undefined): { until?: string } => (at === undefined ? {} : { until: at });

function stepOf({ definition: { plan }, journal, kind }: ActionRecord): string {
  if (plan === undefined) return `main of '${kind}'`;
  const open = journal
    .filter(({ endedAt }) => endedAt === undefined)
    .map(({ reference, tries = 0 }) => `'${reference}'${tries > 1 ? ` (try ${tries})` : ""}`);
  if (open.length === 0) return `plan '${plan.reference}'`;
  const more = open.length > 5 ? ` and ${String(open.length - 5)} more` : "";
  return `${open.length === 1 ? "step" : "steps"} ${open.slice(0, 5).join(", ")}${more} of plan '${plan.reference}'`;
}
