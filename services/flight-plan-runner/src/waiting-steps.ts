import { createRender, isWaiting, type OpenStep, renderDeep, TemplateError } from "@jetmesh/flight-plan";
import { takeSignal, toInstant, toMs } from "@jetmesh/lifecycle";
import {
  type ActionError,
  ApprovalAnswer,
  approvalSignal,
  type JournalEntry,
  type JsonObject,
  type StepChild,
} from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import { stepContext } from "./plan-facts.ts";
import { childId, type PlanPass } from "./plan-pass.ts";
import { evaluateCaptures } from "./steps/captured-output.ts";
import { endWaiting } from "./steps/ended-step.ts";
import { runStep } from "./steps/run-step.ts";

/**
 * Steps that hold no runner while they wait: for a while, until something succeeds, for an action, for another jet, or for
 * a person. What they wait for is in their entries, so that whoever has the plan in hand then can tell.
 */
type Ended = { readonly outputs?: JsonObject } | { readonly error: ActionError };

/** How often a jet that is triggered or brought somewhere is looked at, beside what it says by itself. */
const LOOK_MS = 2_000;
/** One question of a step that waits until something succeeds takes no longer than this. */
const PROBE_MS = 30_000;

/** Does for every open step that waits what can be done now. */
export async function tendWaiting(
  context: KindContext,
  pass: PlanPass,
  open: readonly OpenStep[],
  graceMs: number,
): Promise<void> {
  for (const one of open) {
    if (!isWaiting(one.node)) continue;
    const ended = endOfSleep(one, context.now()) ?? (await tend(context, pass, one, graceMs));
    if (ended === undefined) continue;
    const entry = entryNow(pass, one);
    if ("error" in ended) await cancelWhatRuns(context, entry);
    pass.replace(endWaiting(entry, ended, context.now()));
  }
}

/** As it is by now: what was done for the step may have changed it. */
const entryNow = (pass: PlanPass, { entry }: OpenStep): JournalEntry =>
  pass.journal.find(({ reference }) => reference === entry.reference) ?? entry;

const endOfSleep = ({ node: { step }, entry }: OpenStep, now: number): Ended | undefined =>
  typeof step.wait === "number" && toMs(entry.waitUntil ?? entry.startedAt) <= now ? {} : undefined;

/** Gives its end, once it has one. */
async function tend(
  context: KindContext,
  pass: PlanPass,
  open: OpenStep,
  graceMs: number,
): Promise<Ended | undefined> {
  const { deadline } = open;
  const ended = await endOf(context, pass, open, graceMs);
  if (ended !== undefined || deadline === undefined || deadline.at > context.now()) return ended;
  return { error: deadline.error };
}

async function endOf(
  context: KindContext,
  pass: PlanPass,
  open: OpenStep,
  graceMs: number,
): Promise<Ended | undefined> {
  const { step } = open.node;
  if (step.approve !== undefined) return answered(pass, open);
  if (step.action !== undefined) return endOfAction(context, pass, open);
  if (step.jet !== undefined) return endOfJets(context, pass, open);
  return endOfProbe(context, pass, open, graceMs);
}

function answered(pass: PlanPass, { node, entry, values }: OpenStep): Ended | undefined {
  const taken = takeSignal(pass.signals, approvalSignal(entry.reference));
  if (taken === undefined) return undefined;
  pass.takeSignal(taken.signals);
  const answer = ApprovalAnswer.safeParse(taken.signal.payload);
  if (!answer.success) return undefined;
  const { approved, user, comment } = answer.data;
  const said = comment === "" ? "" : `: ${comment}`;
  if (!approved) return { error: { code: "not_approved", message: `'${user}' did not approve it${said}` } };
  return evaluateCaptures(
    { by: "by", comment: "comment", ...node.step.capture },
    { ...values, by: user, comment },
  );
}

async function endOfAction(context: KindContext, pass: PlanPass, open: OpenStep): Promise<Ended | undefined> {
  const { node, values } = open;
  const call = node.step.action;
  const child = open.entry.children?.[0];
  if (call === undefined || child === undefined) return undefined;
  if (child.end !== undefined) {
    if (child.end.outcome === "SUCCESS")
      return evaluateCaptures(node.step.capture, { ...values, result: child.end.result ?? null });
    const { code, message } = child.end.error ?? { code: "step_failed", message: "failed" };
    return { error: { code, message: `action ${child.id}: ${message}` } };
  }
  if (child.made === undefined) {
    const argument = rendered(open, call.argument);
    if ("error" in argument) return argument;
    const request = { kind: call.kind, argument: argument.value, delays: {} };
    const refused = await context.workshop.make({ id: child.id, request });
    if (refused !== undefined) return { error: refused };
    setChildren(pass, open, [{ ...child, made: true }]);
  }
  return call.wait ? undefined : {};
}

async function endOfJets(context: KindContext, pass: PlanPass, open: OpenStep): Promise<Ended | undefined> {
  const call = open.node.step.jet;
  if (call === undefined) return undefined;
  let { children } = open.entry;
  if (children === undefined) {
    const found = await jetsOf(context, open);
    if ("error" in found) return found;
    children = found.jets.map(
      (jet, index): StepChild => ({
        id: childId(context.record, open.entry.reference, index),
        jet,
      }),
    );
    if (children.length === 0)
      return call.none === "skip" ? {} : { error: { code: "unknown_jet", message: "there is no such jet" } };
    setChildren(pass, open, children);
    // Named before it is there: who triggers it again triggers the same.
    await pass.write();
  }
  if (children.some(({ made }) => made === undefined)) {
    const argument = rendered(open, call.argument);
    if ("error" in argument) return argument;
    const { action, state, onBusy } = call;
    children = await Promise.all(
      children.map(async (child): Promise<StepChild> => {
        if (child.made !== undefined || child.jet === undefined) return child;
        const asked = { id: child.id, jet: child.jet, argument: argument.value, onBusy };
        const refused = await context.workshop.trigger({
          ...asked,
          ...(action === undefined ? {} : { action }),
          ...(state === undefined ? {} : { state }),
        });
        const end = { outcome: "ERROR", error: refused } as const;
        return { ...child, made: true, ...(refused === undefined ? {} : { end }) };
      }),
    );
    setChildren(pass, open, children);
  }
  if (call.wait && children.some(({ end }) => end === undefined)) {
    children = await Promise.all(children.map((child) => lookAt(context, child, call.state)));
    if (children.some(({ end }) => end === undefined)) {
      setChildren(pass, open, children, context.now() + LOOK_MS);
      return undefined;
    }
  }
  const failed = children.flatMap(({ jet, end }) =>
    end?.outcome === "ERROR"
      ? [
          {
            code: end.error?.code ?? "step_failed",
            message: `jet '${jet ?? ""}': ${end.error?.message ?? "failed"}`,
          },
        ]
      : [],
  );
  const [first] = failed;
  if (first === undefined) return {};
  return { error: { code: first.code, message: failed.map(({ message }) => message).join("; ") } };
}

async function lookAt(context: KindContext, child: StepChild, state: string | undefined): Promise<StepChild> {
  if (child.end !== undefined || child.jet === undefined) return child;
  const end = await context.workshop.lookAtJet({
    id: child.id,
    jet: child.jet,
    ...(state === undefined ? {} : { state }),
  });
  return end === undefined ? child : { ...child, end };
}

async function jetsOf(
  context: KindContext,
  open: OpenStep,
): Promise<{ readonly jets: readonly string[] } | { readonly error: ActionError }> {
  const { reference, template } = open.node.step.jet ?? {};
  if (template !== undefined) return context.workshop.jetsOf(template);
  const name = rendered(open, { reference: reference ?? "" });
  if ("error" in name) return name;
  const one = name.value["reference"];
  return { jets: typeof one !== "string" || one.trim() === "" ? [] : [one.trim()] };
}

async function endOfProbe(
  context: KindContext,
  pass: PlanPass,
  open: OpenStep,
  graceMs: number,
): Promise<Ended | undefined> {
  const { step } = open.node;
  if (typeof step.wait !== "object") return undefined;
  const { shell, ssh, http, every } = step.wait.until;
  if (toMs(open.entry.waitUntil ?? open.entry.startedAt) > context.now()) return undefined;
  const left = open.deadline === undefined ? PROBE_MS : Math.max(1, open.deadline.at - context.now());
  const probe = {
    shell,
    ssh,
    http,
    cwd: step.cwd,
    env: step.env,
    timeout: Math.min(PROBE_MS, left),
    retry: ONCE,
  };
  const asked = await runStep(probe, stepContext(context, open.entry, open.values, context.signal, graceMs));
  if (context.signal.aborted) return undefined;
  if (asked.outcome === "SUCCESS") return {};
  // A template that cannot be rendered says the same each time.
  if (asked.tries === 0) return { error: asked.error };
  pass.replace({
    ...open.entry,
    tries: (open.entry.tries ?? 0) + 1,
    waitUntil: toInstant(context.now() + every),
  });
  return undefined;
}

const ONCE = { attempts: 1, backoff: 0, factor: 1, max: 0, jitter: false };

/** A step that failed while what it began goes on: that is not wanted any more. Other jets go on as they are. */
async function cancelWhatRuns({ workshop }: KindContext, { children = [] }: JournalEntry): Promise<void> {
  for (const { id, kind, end } of children)
    if (kind !== undefined && end === undefined) await workshop.cancel({ id, kind });
}

function setChildren(pass: PlanPass, open: OpenStep, children: readonly StepChild[], lookAt?: number): void {
  pass.replace({
    ...entryNow(pass, open),
    children: [...children],
    ...(lookAt === undefined ? {} : { waitUntil: toInstant(lookAt) }),
  });
}

function rendered(
  { values }: OpenStep,
  value: JsonObject,
): { readonly value: JsonObject } | { readonly error: ActionError } {
  try {
    return { value: renderDeep(createRender(values), "argument", value) };
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return { error: { code: "step_failed", message: `broken template in ${thrown.message}` } };
  }
}
