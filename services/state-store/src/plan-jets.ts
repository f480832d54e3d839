import { endingOf, toInstant } from "@jetmesh/lifecycle";
import type { JetRecord, StepChild, SvcRequest, TriggerSource } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { scanNewest } from "@jetmesh/storage";
import { acceptTrigger } from "./accept.ts";
import type { Deps } from "./deps.ts";
import { setTarget } from "./set-target.ts";

type Asked = Omit<SvcRequest<"state-store.child-jet">, "v">;
type End = NonNullable<StepChild["end"]>;

/**
 * What steps of plans do with other jets. Plans run with the mesh's own rights (design §6), so that it is root who asks; the
 * trigger names the action that it is for. Asked again under the same id it is the same trigger.
 */
export async function triggerByPlan(deps: Deps, asked: Asked): Promise<object> {
  const { parent, id, jet, action, state, argument, onBusy } = asked;
  const user = deps.config.JM_ROOT_USER;
  const trigger: TriggerSource = { via: "plan", key: parent };
  if (state !== undefined) {
    const set = await setTarget(deps, { id, jet, state, user, trigger });
    if (set.kind === "refused") throw new RefusedError(set.refusal.code, set.refusal.message);
    return {};
  }
  if (action === undefined) throw new RefusedError("invalid_request", "neither an action nor a state");
  const at = toInstant(deps.clock.now());
  const accepted = await acceptTrigger(
    deps,
    jet,
    { id, action, user, argument, trigger: { ...trigger, parent }, at },
    onBusy,
    { access: { allow: true }, expired: false },
  );
  if (accepted.kind === "refused") throw new RefusedError(accepted.refusal.code, accepted.refusal.message);
  return {};
}

const failed = (code: string, message: string): End => ({ outcome: "ERROR", error: { code, message } });

/**
 * What has become of it; nothing while it goes on. The end of an action is also told; a trigger that was refused when its turn
 * came is found here, and so is a jet that has come to a state, or will not.
 */
export async function lookAtJet(
  { jets, store }: Pick<Deps, "jets" | "store">,
  { id, jet: reference, state }: Omit<SvcRequest<"state-store.jet-look">, "v">,
): Promise<{ readonly end?: End }> {
  const at = await jets.load(reference, true);
  if (state !== undefined) return ended(endOfTarget(at?.jet, reference, state));
  if (at?.jet.open?.id === id || at?.jet.queue.some((waiting) => waiting.id === id) === true) return {};
  const stored = await store.actions.get(id);
  if (stored.kind === "record")
    return stored.value.outcome === undefined ? {} : { end: endingOf(stored.value) };
  const last = at?.jet.last;
  if (last?.id === id) return { end: { outcome: last.outcome } };
  const message = "it was refused when its turn came: the history of the jet says why";
  return { end: failed("step_failed", message) };
}

const ended = (end: End | undefined): { readonly end?: End } => (end === undefined ? {} : { end });

function endOfTarget(jet: JetRecord | undefined, reference: string, state: string): End | undefined {
  if (jet === undefined || jet.destroyedAt !== undefined)
    return failed("unknown_jet", `there is no jet '${reference}'`);
  if (jet.open !== undefined || jet.target?.state === state) return undefined;
  if (jet.state === state) return { outcome: "SUCCESS" };
  const message = `it is in '${jet.state ?? "no state"}', and is not brought to '${state}' any more`;
  return failed("step_failed", message);
}

/** A step has no more jets than this at a time. */
const MOST_JETS = 200;

/** The living jets of a template, by name. */
export async function jetsOf(
  { connection, names, store }: Pick<Deps, "connection" | "names" | "store">,
  template: string,
): Promise<{ readonly jets: string[] }> {
  const found = await scanNewest(connection, names, names.buckets.jets, MOST_JETS + 1, ({ key, data }) => {
    const stored = store.jets.parse(data);
    const isOne =
      stored.kind === "record" &&
      stored.value.template === template &&
      stored.value.destroyedAt === undefined;
    return isOne ? key : undefined;
  });
  if (found.size > MOST_JETS)
    throw new RefusedError("limit_reached", `template '${template}' has more than ${String(MOST_JETS)} jets`);
  return { jets: [...found.values()].sort() };
}
