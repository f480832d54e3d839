import { isWaiting } from "@jetmesh/flight-plan";
import { toInstant, type WatcherAnswer } from "@jetmesh/lifecycle";
import type { JournalEntry } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import { answerOf, begunOf, createPass, nextInstant, type PlanPass } from "./plan-pass.ts";
import { tendWaiting } from "./waiting-steps.ts";

/** An idempotent step whose runner was lost in it more often than this ends as one that is not. */
const MOST_INTERRUPTIONS = 5;

/**
 * Asked while a plan holds no runner: about what it waits for, or about a main whose runner is gone. It runs no step: where one
 * is to be run it says SLEEPING, and the next attempt goes on behind the journal.
 */
export async function watchPlan(context: KindContext, graceMs: number): Promise<WatcherAnswer> {
  const pass = createPass(context);
  pass.takeNotes();
  endInterrupted(pass, context.now());
  for (;;) {
    const begun = begunOf(pass, pass.look());
    const before = pass.journal;
    await tendWaiting(context, pass, begun, graceMs);
    if (context.signal.aborted) throw new Error("the plan was interrupted");
    const next = pass.look();
    if (next.end !== undefined) {
      pass.open(next);
      return answerOf(pass, next.end);
    }
    const isMoving =
      next.journal.length > pass.journal.length || next.open.some(({ node }) => !isWaiting(node));
    if (isMoving) return { state: "SLEEPING", ...pass.left };
    const hasEnded = pass.journal.some(
      ({ endedAt }, index) => endedAt !== undefined && before[index]?.endedAt === undefined,
    );
    if (!hasEnded) return { state: "IN_PROGRESS", ...pass.left, watchAt: nextInstant(next.open) ?? null };
  }
}

/** F2: what ran when its runner was lost ends with that, or is begun again from its start where that does no harm. */
function endInterrupted(pass: PlanPass, now: number): void {
  for (const { node, entry, deadline } of begunOf(pass, pass.look())) {
    if (isWaiting(node)) continue;
    const interruptions = (entry.interruptions ?? 0) + 1;
    const { idempotent } = node.step;
    const interrupted: JournalEntry = { ...entry, interruptions };
    const isOver = deadline !== undefined && deadline.at <= now;
    const isAgain = idempotent && interruptions <= MOST_INTERRUPTIONS;
    const error = {
      code: "step_interrupted",
      message: `was running when its runner was lost, ${idempotent ? `${String(interruptions)} times` : "and is not marked idempotent"}`,
    };
    if (isAgain && !isOver) pass.replace(interrupted);
    else
      pass.replace({
        ...interrupted,
        endedAt: toInstant(now),
        outcome: "ERROR",
        // It would have run again, had there been time for it.
        error: isAgain && isOver ? deadline.error : error,
      });
  }
}
