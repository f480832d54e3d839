import type { ActionEffect } from "@jetmesh/lifecycle";
import { askHolder } from "@jetmesh/service-kit";
import { sendResume } from "@jetmesh/storage";
import { ABORT_WAIT_MS } from "./answer-questions.ts";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";
import { letGo, resultOf } from "./let-go.ts";
import { runMethod } from "./run-method.ts";
import { tellEnded } from "./tell-ended.ts";

/**
 * Executes an action from its claim until it is held no more: does the effects of each write, in order, and
 * feeds what comes of them back, until no method is left to run. One that ends otherwise is let go: its record still
 * names this runner, which lives, so that nobody else would look at it.
 */
export async function runHeld(
  deps: RunnerDeps,
  held: HeldAction,
  kind: ActionKind,
  begun: readonly ActionEffect[],
): Promise<void> {
  try {
    const lost = await runToItsEnd(deps, held, kind, begun);
    if (lost !== undefined) letGo(deps, held, lost.state);
  } catch (thrown) {
    letGo(deps, held, undefined);
    throw thrown;
  }
}

/** Gives the result that was not written, if there was one, where the claim was lost or given up. */
async function runToItsEnd(
  deps: RunnerDeps,
  held: HeldAction,
  kind: ActionKind,
  begun: readonly ActionEffect[],
): Promise<{ readonly state?: string | undefined } | undefined> {
  let effects = begun;
  for (;;) {
    let run: (ActionEffect & { type: "run" }) | undefined;
    for (const effect of effects) {
      if (effect.type === "run") run = effect;
      else await doEffect(deps, held, effect);
    }
    if (run === undefined) return undefined;
    const event = await runMethod(deps, held, kind, run);
    if (event === undefined) return {};
    const outcome = await held.apply(event);
    if (outcome === "lost" || outcome.kind === "late") return { state: resultOf(event) };
    if (outcome.kind !== "write") {
      deps.log.warn({ action: held.record.id, event: event.type, outcome }, "a result changed nothing");
      return undefined;
    }
    effects = (await pauseIfAsked(held)) ?? outcome.effects;
  }
}

/** Between two methods: what was about to follow is done once it is resumed. */
async function pauseIfAsked(held: HeldAction): Promise<readonly ActionEffect[] | undefined> {
  const { state, claim } = held.record;
  if (!held.isPauseAsked || (state !== "SLEEPING" && state !== "IN_PROGRESS")) return undefined;
  const nonce = claim === undefined ? {} : { nonce: claim.nonce };
  const paused = await held.apply({ type: "pause", ...nonce });
  // Lost: somebody has gone on with it meanwhile, as nobody held it any more.
  return paused !== "lost" && paused.kind === "write" ? paused.effects : undefined;
}

async function doEffect(
  deps: RunnerDeps,
  held: HeldAction,
  effect: Exclude<ActionEffect, { type: "run" }>,
): Promise<void> {
  const { record, revision } = held;
  if (effect.type === "tell") {
    tellEnded(deps, held);
  } else if (effect.type === "resume") {
    // Not before its time: then it is the ticker's to send.
    if (record.timers.notBefore === undefined)
      await sendResume(deps.connection, deps.names, record, revision, held.text);
  } else if (effect.runner !== deps.id) {
    // Nothing is asked of its watcher before what its main ran has ended, or does not answer. Whose presence has run
    // out ended it long before, by itself; it is most likely cut off, and asking it would only take time.
    const presence = await deps.store.runners.get(effect.runner);
    if (presence.kind !== "record") return;
    const answer = await askHolder(
      deps,
      effect.runner,
      { v: 1, ask: "abort", id: record.id, nonce: effect.nonce },
      ABORT_WAIT_MS + 1_000,
    );
    deps.log.info({ action: record.id, from: effect.runner, answer }, "took over");
  }
}
