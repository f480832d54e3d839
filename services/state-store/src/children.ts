import { decideAction, newAction } from "@jetmesh/lifecycle";
import { type ActionRecord, MAX_ACTION_BYTES, type Note, type SvcRequest } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { UnavailableError } from "@jetmesh/storage";
import { beginAction } from "./begin-action.ts";
import { changeAction } from "./change-action.ts";
import type { Deps } from "./deps.ts";
import { identityOf, joinIdentity } from "./identities.ts";
import { noteAction } from "./note-action.ts";
import { wasMade } from "./was-made.ts";

/**
 * The actions that a workflow has made (ADR 0033). Its record names one before it is there, and it is closed only when that
 * record has its result, or waits for it no more: so nothing is made twice, forgotten or left running.
 */
type ChildAsked = SvcRequest<"state-store.child-create">;

/** Made again it is the same; one that was canceled before it was made is never begun. */
export async function makeChild(deps: Deps, { parent, id, user, request }: ChildAsked): Promise<void> {
  const { kind, argument, pool, notBefore, delays, repeat } = request;
  const registered = await deps.kinds.registered(kind);
  if (registered === undefined)
    throw new RefusedError("unknown_kind", `no runner has registered the kind '${kind}'`);
  const made = newAction(
    { ...{ id, parent, kind, pool, user, argument, registered, delays, repeat, notBefore }, definition: {} },
    deps.clock.now(),
  );
  const identity = identityOf(registered, argument);
  const record =
    identity === undefined || (await wasMade(deps, id)) ? made : await joinIdentity(deps, identity, made);
  const text = JSON.stringify(record);
  if (text.length > MAX_ACTION_BYTES)
    throw new RefusedError("too_large", `the action's record would take ${String(text.length)} bytes`);
  const ended = await beginAction(deps, record, text);
  if (ended !== undefined) deps.settleLater(ended);
}

const CANCELED = "canceled by its workflow";

export async function cancelChild(
  deps: Deps,
  { parent, id, user, kind }: Omit<SvcRequest<"state-store.child-cancel">, "v">,
): Promise<void> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind === "absent" && (await endUnmade(deps, { parent, id, user, kind }))) return;
  if (stored.kind === "gone") return;
  try {
    await changeAction(deps, { user, id, command: "cancel", message: CANCELED });
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    // It ended by itself.
    if (thrown.refusal.code === "unavailable" || thrown.refusal.code === "conflict")
      throw new UnavailableError(thrown.message);
  }
}

/** Its place is taken by one that has ended, so that whoever would still make it finds that. */
async function endUnmade(
  deps: Deps,
  { parent, id, user, kind }: { parent: string; id: string; user: string; kind: string },
): Promise<boolean> {
  const now = deps.clock.now();
  const made = newAction({ id, parent, kind, user, argument: {}, definition: {} }, now);
  const canceled = decideAction(made, { type: "cancel", why: "canceled", message: CANCELED }, now);
  if (canceled.kind !== "write") return false;
  const written = await deps.store.actions.swap(id, canceled.next, 0, { point: "action.make" });
  if (written.kind === "conflict") return false;
  deps.settleLater({ record: canceled.next, revision: written.revision });
  return true;
}

/** Whether the workflow of an action has its end, or waits for it no more. */
export async function tellParent(deps: Deps, record: ActionRecord, parent: string): Promise<boolean> {
  const { id: child, outcome = "ERROR", result, error } = record;
  const note: Note = {
    ...{ of: "child", child, outcome },
    ...(result === undefined ? {} : { result }),
    ...(error === undefined ? {} : { error }),
  };
  let noted = await noteAction(deps, parent, note);
  if (noted === "too_large") {
    const message = `the result of '${record.kind}' is larger than its workflow's record has room for`;
    noted = await noteAction(deps, parent, {
      ...{ of: "child", child, outcome: "ERROR" },
      error: { code: "too_large", message },
    });
  }
  return noted !== "later";
}

const AT_ONCE = 16;

/** What a workflow began and did not wait for ends with it, unless it was made to go on. */
export async function cancelChildren(
  deps: Deps,
  { id: parent, user, steps = [] }: ActionRecord,
): Promise<void> {
  const left = steps.filter((step) => step.end === undefined && step.detached === undefined);
  const running = left.values();
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, left.length) }, async () => {
      for (const { child, of: kind } of running)
        if (child !== undefined && kind !== undefined)
          await cancelChild(deps, { parent, id: child, user, kind });
    }),
  );
}
