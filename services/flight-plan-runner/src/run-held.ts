import type { ActionEffect } from "@jetmesh/lifecycle";
import { askHolder } from "@jetmesh/service-kit";
import { ask, sendResume, tell } from "@jetmesh/storage";
import { ABORT_WAIT_MS } from "./answer-questions.ts";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";
import { runMethod } from "./run-method.ts";

/**
 * Executes an action from its claim until it is held no more: does the effects of each write, in order, and
 * feeds what comes of them back, until no method is left to run.
 */
export async function runHeld(
  deps: RunnerDeps,
  held: HeldAction,
  kind: ActionKind,
  begun: readonly ActionEffect[],
): Promise<void> {
  let effects = begun;
  for (;;) {
    let run: (ActionEffect & { type: "run" }) | undefined;
    for (const effect of effects) {
      if (effect.type === "run") run = effect;
      else await doEffect(deps, held, effect);
    }
    if (run === undefined) return;
    const event = await runMethod(deps, held, kind, run);
    if (event === undefined) return reportLate(deps, held, "unknown");
    const outcome = await held.apply(event);
    if (outcome === "lost" || outcome.kind === "late") return reportLate(deps, held, stateOf(event));
    if (outcome.kind !== "write") {
      deps.log.warn({ action: held.record.id, event: event.type, outcome }, "a result changed nothing");
      return;
    }
    effects = outcome.effects;
  }
}

async function doEffect(
  deps: RunnerDeps,
  held: HeldAction,
  effect: Exclude<ActionEffect, { type: "run" }>,
): Promise<void> {
  const { record, revision } = held;
  if (effect.type === "tell") {
    tell(deps.connection, deps.names.svc.of("state-store", "ended"), { v: 1, revision, record });
  } else if (effect.type === "resume") {
    // Not before its time: then it is the ticker's to send.
    if (record.timers.notBefore === undefined)
      await sendResume(deps.connection, deps.names, record, revision);
  } else if (effect.runner !== deps.id) {
    // Nothing is asked of its watcher before what its main ran has ended, or does not answer.
    const answer = await askHolder(
      deps,
      effect.runner,
      { v: 1, ask: "abort", id: record.id, nonce: effect.nonce },
      ABORT_WAIT_MS + 1_000,
    );
    deps.log.info({ action: record.id, from: effect.runner, answer }, "took over");
  }
}

/** A result that came too late is told to the state-stores, which keep it in the history; it is never applied. */
async function reportLate(deps: RunnerDeps, held: HeldAction, state: string): Promise<void> {
  const { id } = held.record;
  deps.log.warn({ action: id, state }, "the claim was lost: the result is not applied");
  await ask(
    deps.connection,
    deps.names.svc.of("state-store", "late"),
    { v: 1, id, runner: deps.id, nonce: held.claim.nonce, state, record: held.record },
    5_000,
  ).catch((thrown: unknown) => deps.log.warn({ err: thrown, action: id }, "a late result was not recorded"));
}

const stateOf = (event: { type: string; answer?: { state: string } }): string =>
  event.answer?.state ?? event.type;
