import { findPath, noPathMessage } from "@jetmesh/lifecycle";
import type { JetActionDefinition, JetRecord, PathReply, TemplateDefinition } from "@jetmesh/protocol";
import { askAccess, askOneAccess, type Refusal, RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";

type AccessDeps = Pick<Deps, "connection" | "names">;

/** Whether somebody may bring a jet to a state at all; the way is another matter. */
export async function mayBring(
  deps: AccessDeps,
  user: string,
  jet: string,
  state: string,
): Promise<Refusal | undefined> {
  const verdict = await askOneAccess(deps, { operation: "target", user, jet, state });
  return verdict.allow ? undefined : { code: verdict.code, message: verdict.message };
}

/**
 * The way that a jet at rest would be brought, if every action on it is allowed to the user: the shortest over all actions of
 * the template, ties by priority (design §3). One over an action that is hidden is no way, in the words of one that is
 * not there.
 */
export async function judgeWay(
  deps: AccessDeps,
  user: string,
  { reference, state: from }: JetRecord,
  template: TemplateDefinition,
  state: string,
): Promise<{ readonly way: readonly JetActionDefinition[] } | { readonly refusal: Refusal }> {
  const noPath = { refusal: { code: "no_path", message: noPathMessage(from, state) } } as const;
  const way = findPath(template, from, state);
  if (way === undefined) return noPath;
  const verdicts = await askAccess(
    deps,
    way.map(({ reference: action }) => ({ operation: "trigger", user, jet: reference, action }) as const),
  );
  const denied = verdicts.find((verdict) => !verdict.allow);
  if (denied?.allow !== false) return { way };
  if (denied.code === "unknown_action") return noPath;
  return { refusal: { code: denied.code, message: denied.message } };
}

/** What bringing it there would do now, judged as it would be, and without doing it. */
export async function previewWay(
  deps: AccessDeps & Pick<Deps, "jets" | "definitions">,
  user: string,
  { jet: reference, state }: { readonly jet: string; readonly state: string },
): Promise<PathReply> {
  const refused = await mayBring(deps, user, reference, state);
  if (refused !== undefined) throw new RefusedError(refused.code, refused.message);
  const at = await deps.jets.load(reference, true);
  const template = at === undefined ? undefined : await deps.definitions.template(at.jet.template, true);
  if (at === undefined || template === undefined || at.jet.destroyedAt !== undefined)
    throw new RefusedError("unknown_jet", `there is no jet '${reference}'`);
  // Where it will be by then is known once that has ended.
  if (at.jet.open !== undefined)
    throw new RefusedError("jet_busy", `an action of jet '${reference}' is open`);
  const judged = await judgeWay(deps, user, at.jet, template, state);
  if ("refusal" in judged) throw new RefusedError(judged.refusal.code, judged.refusal.message);
  return {
    jet: reference,
    ...(at.jet.state === undefined ? {} : { from: at.jet.state }),
    state,
    items: [...judged.way],
  };
}
