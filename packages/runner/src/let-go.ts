import type { ActionEvent } from "@jetmesh/lifecycle";
import { queueOf } from "@jetmesh/protocol";
import { ask, ensureError, UnavailableError, writeRepeatable } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";

const AGAIN_MS = 500;
const ANSWER_MS = 5_000;

/**
 * An action whose claim was taken over, or which was given up here: somebody is to look at it, for it may name this
 * runner still, and its result, which is not applied, goes into the history as late. Often the broker is away, which
 * is why it was given up; so both are said until they are heard, however long that takes.
 */
export function letGo(deps: RunnerDeps, held: HeldAction, state: string | undefined): void {
  deps.log.warn({ action: held.record.id, state }, "the claim was lost: the result is not applied");
  const task = (async (): Promise<void> => {
    // Until then this runner says that it holds it.
    await held.ended;
    await insist(deps, held, "not resumed yet", () => sendHint(deps, held));
    if (state !== undefined)
      await insist(deps, held, NOT_RECORDED, () => reportLate(deps, held, held.claim.nonce, state));
  })().finally(() => deps.owed.delete(task));
  deps.owed.add(task);
}

const NOT_RECORDED = "a late result was not recorded yet";

/** A method that nobody waits for any more, under the claim that it was called by: what it says is recorded when it comes. */
export function reportStraggler(deps: RunnerDeps, held: HeldAction, method: Promise<ActionEvent>): void {
  const { nonce } = held.claim;
  const report = async (event: ActionEvent): Promise<void> => {
    const state = resultOf(event);
    if (state === undefined) return;
    deps.log.warn(
      { action: held.record.id, state },
      "a result came when its time was over: it is not applied",
    );
    const task = insist(deps, held, NOT_RECORDED, () => reportLate(deps, held, nonce, state)).finally(() =>
      deps.owed.delete(task),
    );
    deps.owed.add(task);
    await task;
  };
  method.then(report).catch(() => undefined);
}

/** What a method said of the action; nothing of an event that is no answer. */
export const resultOf = (event: ActionEvent): string | undefined =>
  "answer" in event ? event.answer.state : event.type === "rollback_returned" ? event.type : undefined;

async function sendHint({ connection, names }: RunnerDeps, { record }: HeldAction): Promise<void> {
  const subject = names.resume.of(queueOf(record), record.id);
  await writeRepeatable(connection, subject, JSON.stringify({ v: 1, id: record.id }), {
    point: "resume.send",
  });
}

async function reportLate(
  { connection, names, id: runner }: RunnerDeps,
  { record }: HeldAction,
  nonce: string,
  state: string,
): Promise<void> {
  const late = { v: 1, id: record.id, runner, nonce, state, record };
  const answer = await ask(connection, names.svc.of("state-store", "late"), late, ANSWER_MS);
  if (!answer.ok && answer.error.code === "unavailable") throw new UnavailableError(answer.error.message);
}

async function insist(
  { connection, log }: RunnerDeps,
  { record }: HeldAction,
  problem: string,
  say: () => Promise<void>,
): Promise<void> {
  for (;;) {
    try {
      await say();
      return;
    } catch (thrown) {
      log.warn({ action: record.id, why: ensureError(thrown).message }, problem);
      if (connection.nc.isClosed()) return;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
