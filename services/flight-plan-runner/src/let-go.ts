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
export function letGo(deps: RunnerDeps, held: HeldAction, state: string): void {
  deps.log.warn({ action: held.record.id, state }, "the claim was lost: the result is not applied");
  const task = (async (): Promise<void> => {
    // Until then this runner says that it holds it.
    await held.ended;
    await insist(deps, held, "not resumed yet", () => sendHint(deps, held));
    await insist(deps, held, "a late result was not recorded yet", () => reportLate(deps, held, state));
  })().finally(() => deps.owed.delete(task));
  deps.owed.add(task);
}

async function sendHint({ connection, names }: RunnerDeps, { record }: HeldAction): Promise<void> {
  const subject = names.resume.of(record.pool, record.id);
  await writeRepeatable(connection, subject, JSON.stringify({ v: 1, id: record.id }), {
    point: "resume.send",
  });
}

async function reportLate(
  { connection, names, id: runner }: RunnerDeps,
  { record, claim: { nonce } }: HeldAction,
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
