import { type ActionEvent, type MainAnswer, serializeError, type WatcherAnswer } from "@jetmesh/lifecycle";
import { type ActionKind, ClaimLostError, type KindAnswer, type KindContext } from "./kinds.ts";

/**
 * Calls one method of a kind, `init` before it, and gives what came of it as the event that the record is to make of it. It
 * never rejects but where the claim is lost.
 */
export async function callMethod(
  kind: ActionKind,
  method: "main" | "watcher" | "rollback",
  context: KindContext,
  nonce: string,
): Promise<ActionEvent> {
  if (method === "rollback") {
    try {
      if (kind.rollback === undefined) throw new Error(`kind '${kind.name}' cannot be rolled back`);
      await kind.init?.(context);
      await kind.rollback(context);
      return { type: "rollback_returned", nonce };
    } catch (thrown) {
      return {
        type: "rollback_returned",
        nonce,
        error: serializeError(rethrowLost(thrown), "rollback_threw"),
      };
    }
  }
  let code = "init_threw";
  try {
    await kind.init?.(context);
    code = method === "main" ? "main_threw" : "watcher_failed";
    if (method === "main") return mainReturned(await kind.main(context), context, nonce);
    if (kind.watcher === undefined) throw new Error(`kind '${kind.name}' has no watcher`);
    return { type: "watcher_returned", nonce, answer: checkWatcher(await kind.watcher(context)) };
  } catch (thrown) {
    const error = serializeError(rethrowLost(thrown), code);
    return method === "main"
      ? { type: "main_returned", nonce, answer: { state: "THREW", error } }
      : { type: "watcher_returned", nonce, answer: { state: "THREW", error } };
  }
}

function rethrowLost(thrown: unknown): unknown {
  if (thrown instanceof ClaimLostError) throw thrown;
  return thrown;
}

/** Nothing, or anything not listed, counts as a throw (design §2). */
function mainReturned(
  answer: KindAnswer | undefined,
  { isPauseAsked }: KindContext,
  nonce: string,
): ActionEvent {
  if (answer?.state === "PAUSED" && isPauseAsked) {
    const { state: _state, ...left } = answer;
    return { type: "pause", nonce, left };
  }
  if (answer !== undefined && answer.state !== "PAUSED" && MAIN_STATES.has(answer.state))
    return { type: "main_returned", nonce, answer };
  throw new Error("main returned none of SUCCESS, ERROR, IN_PROGRESS");
}
const MAIN_STATES: ReadonlySet<string> = new Set<MainAnswer["state"]>([
  "SUCCESS",
  "ERROR",
  "IN_PROGRESS",
  "THREW",
]);

function checkWatcher(answer: WatcherAnswer | undefined): WatcherAnswer {
  if (
    answer !== undefined &&
    ["SUCCESS", "ERROR", "IN_PROGRESS", "SLEEPING", "PAUSED", "THREW"].includes(answer.state)
  )
    return answer;
  throw new Error("the watcher returned none of SUCCESS, ERROR, IN_PROGRESS, SLEEPING, PAUSED");
}
