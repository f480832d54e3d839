import { decideAction, endingOf, newAction } from "@jetmesh/lifecycle";
import type { ActionRecord, SvcRequest } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { UnavailableError } from "@jetmesh/storage";
import { changeAction } from "./change-action.ts";
import type { Deps } from "./deps.ts";
import { makeOfKind } from "./make-of-kind.ts";
import { noteAction } from "./note-action.ts";

/**
 * The actions that a workflow has made (ADR 0033). Its record names one before it is there, and it is closed only when that
 * record has its result, or waits for it no more: so nothing is made twice, forgotten or left running.
 */
/** Made again it is the same; one that was canceled before it was made is never begun. */
export const makeChild = (
  deps: Deps,
  { parent, id, user, request }: SvcRequest<"state-store.child-create">,
): Promise<void> => makeOfKind(deps, { ...request, parent, id, user });

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
  const { id: child } = record;
  let noted = await noteAction(deps, parent, { of: "child", child, ...endingOf(record) });
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

/**
 * What a workflow or a plan began and did not wait for ends with it, unless it was made to go on. Other jets that a plan has
 * triggered go on as they are.
 */
export async function cancelChildren(
  deps: Deps,
  { id: parent, user, steps = [], journal }: ActionRecord,
): Promise<void> {
  // Nearly all have begun nothing: asked at the end of each action.
  if (steps.length === 0 && journal.every(({ children }) => children === undefined)) return;
  const left: { readonly child?: string | undefined; readonly of?: string | undefined }[] = [
    ...steps.filter((step) => step.end === undefined && step.detached === undefined),
    ...journal
      .filter(({ outcome }) => outcome === undefined || outcome === "ERROR")
      .flatMap(({ children = [] }) => children)
      .filter(({ end }) => end === undefined)
      .map(({ id, kind }) => ({ child: id, of: kind })),
  ];
  const running = left.values();
  await Promise.all(
    Array.from({ length: Math.min(AT_ONCE, left.length) }, async () => {
      for (const { child, of: kind } of running)
        if (child !== undefined && kind !== undefined)
          await cancelChild(deps, { parent, id: child, user, kind });
    }),
  );
}
