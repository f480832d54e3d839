import { type ActionError, JetLook, JetsOf, type SvcRequest, type SvcVerb } from "@jetmesh/protocol";
import { type Answer, ask, ensureError, UnavailableError } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import { ClaimLostError, type Workshop } from "./kinds.ts";

const ANSWER_MS = 10_000;
const AGAIN_MS = 250;
const LOOK_MS = 50;

export function createWorkshop(deps: RunnerDeps, held: HeldAction): Workshop {
  const { id: parent, user } = held.record;
  return {
    make: (child) => refusalOf(deps, held, "state-store.child-create", { v: 1, parent, user, ...child }),
    cancel: ({ id, kind }) =>
      refusalOf(deps, held, "state-store.child-cancel", { v: 1, parent, user, id, kind }),
    trigger: (jet) => refusalOf(deps, held, "state-store.child-jet", { v: 1, parent, user, ...jet }),
    async lookAtJet(asked) {
      const answer = await insist(deps, held, "state-store.jet-look", { v: 1, ...asked });
      if (!answer.ok) return { outcome: "ERROR", error: errorOf(answer.error) };
      return JetLook.parse(answer.body).end;
    },
    async jetsOf(template) {
      const answer = await insist(deps, held, "state-store.jets-of", { v: 1, template });
      return answer.ok ? JetsOf.parse(answer.body) : { error: errorOf(answer.error) };
    },
    async rollBack(id) {
      const refused = await refusalOf(deps, held, "state-store.action-rollback", { v: 1, user, id });
      // Gone, or of a kind that undoes nothing.
      if (refused !== undefined) return NOTHING_TO_UNDO.has(refused.code) ? undefined : refused;
      for (;;) {
        const stored = await deps.store.actions.get(id);
        if (stored.kind !== "record") return undefined;
        if (stored.value.state !== "REVERTING") return stored.value.rollbackError;
        if (held.isLost || held.canceled !== undefined)
          throw new ClaimLostError("given up while a step was undone");
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
    },
    signal: (id, signal) => refusalOf(deps, held, "state-store.action-signal", { v: 1, user, id, signal }),
  };
}

const errorOf = ({ code, message }: { code: string; message: string }): ActionError => ({ code, message });

async function refusalOf<V extends SvcVerb>(
  deps: RunnerDeps,
  held: HeldAction,
  verb: V,
  request: SvcRequest<V>,
): Promise<ActionError | undefined> {
  const answer = await insist(deps, held, verb, request);
  return answer.ok ? undefined : errorOf(answer.error);
}

async function insist<V extends SvcVerb>(
  { connection, names, log }: RunnerDeps,
  held: HeldAction,
  verb: V,
  request: SvcRequest<V>,
): Promise<Answer> {
  const [service = "", name = ""] = verb.split(".");
  while (!held.isLost && held.canceled === undefined && !connection.nc.isClosed()) {
    try {
      const answer = await ask(connection, names.svc.of(service, name), request, ANSWER_MS);
      if (answer.ok) return answer;
      const { code, message } = answer.error;
      if (!PASSING.has(code)) return answer;
      log.warn({ action: held.record.id, verb, code, message }, "asked again");
    } catch (thrown) {
      if (!(thrown instanceof UnavailableError)) throw thrown;
      log.warn(
        { action: held.record.id, verb, why: ensureError(thrown).message },
        "waiting for a state-store",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  throw new ClaimLostError("it was canceled or its claim was lost while a state-store was asked");
}

const NOTHING_TO_UNDO: ReadonlySet<string> = new Set(["unknown_run", "not_rollbackable"]);

/** Refusals that are none of the request. */
const PASSING: ReadonlySet<string> = new Set(["unavailable", "overloaded", "conflict", "internal"]);
