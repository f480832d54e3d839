import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  type JetRecord,
  meaningOf,
  type SvcRequest,
  type TargetReply,
  type TriggerReply,
} from "@jetmesh/protocol";
import { actionIdOfKey, errorCode, RefusedError } from "@jetmesh/service-kit";
import { type Acceptance, acceptTrigger } from "./accept.ts";
import { createJet } from "./create-jet.ts";
import type { Deps } from "./deps.ts";
import { writeRefused } from "./history.ts";
import { cancelTarget, setTarget } from "./set-target.ts";
import { firstHop, wasMade } from "./was-made.ts";

/** Requests about one jet that a gateway hands over, each answered as its caller is. */
type HandedOver = Pick<SvcRequest<"state-store.jet-trigger">, "user" | "key" | "tell">;

function askedBy(
  deps: Deps,
  { user, key, tell }: HandedOver,
  id: string,
  argument: AcceptedTrigger["argument"],
): Omit<AcceptedTrigger, "action"> {
  const trigger = { via: "api", key, ...(tell === undefined ? {} : { tell }) } as const;
  return { id, user, argument, trigger, at: toInstant(deps.clock.now()) };
}

export async function jetCreate(
  deps: Deps,
  handed: SvcRequest<"state-store.jet-create">,
): Promise<TriggerReply> {
  const { user, key, keyed, request } = handed;
  deps.pressure.assertLow();
  const asked = askedBy(deps, handed, actionIdOfKey(user, key, "create", request.reference ?? ""), {});
  try {
    const { reference, state, actionId, isQueued } = await createJet(deps, request, asked, keyed);
    return {
      actionId,
      jet: reference,
      ...(state === undefined ? {} : { state }),
      ...(isQueued === true ? { queued: true } : {}),
    };
  } catch (thrown) {
    if (thrown instanceof RefusedError) {
      await writeRefused(
        deps,
        { ...asked, action: "create" },
        request.reference ?? request.template,
        thrown.refusal,
      );
    }
    throw thrown;
  }
}

export async function jetTrigger(
  deps: Deps,
  handed: SvcRequest<"state-store.jet-trigger">,
): Promise<TriggerReply> {
  const { user, key, keyed, request, denied } = handed;
  const id = actionIdOfKey(user, key, "trigger", request.jet);
  const asked: AcceptedTrigger = {
    ...askedBy(deps, handed, id, request.argument),
    action: request.action,
    ...(request.variables === undefined ? {} : { variables: request.variables }),
    ...(request.force === true ? { force: true } : {}),
  };
  if (keyed && denied === undefined && (await wasMade(deps, id))) return { actionId: id, jet: request.jet };
  if (denied === undefined) deps.pressure.assertLow();
  const access =
    denied === undefined
      ? { allow: true as const }
      : { allow: false as const, ...denied, code: errorCode(denied.code) };
  const accepted: Acceptance = access.allow
    ? await acceptTrigger(deps, request.jet, asked, request.onBusy, { access, expired: false })
    : { kind: "refused", refusal: access };
  if (accepted.kind === "refused") {
    const { code, message, details } = accepted.refusal;
    await writeRefused(deps, asked, request.jet, { code, message });
    throw new RefusedError(code, message, details);
  }
  const { state } = accepted.jet;
  return {
    actionId: id,
    jet: request.jet,
    ...(state === undefined ? {} : { state }),
    ...(accepted.kind === "queued" ? { queued: true } : {}),
  };
}

export async function jetTarget(
  deps: Deps,
  handed: SvcRequest<"state-store.jet-target">,
): Promise<TargetReply> {
  const { user, key, keyed, request } = handed;
  const { jet, state } = request;
  const id = actionIdOfKey(user, key, "target", jet);
  if (state === null) {
    const canceled = await cancelTarget(deps, user, jet);
    if (canceled.kind !== "refused") return targetReply(canceled.jet, undefined);
    throw new RefusedError(canceled.refusal.code, canceled.refusal.message);
  }
  const { trigger } = askedBy(deps, handed, id, {});
  if (keyed && (await wasMade(deps, firstHop(id)))) {
    const at = await deps.jets.load(jet, true);
    return at === undefined ? { jet } : targetReply(at.jet, { id, state });
  }
  deps.pressure.assertLow();
  const set = await setTarget(deps, { id, jet, state, user, trigger });
  if (set.kind !== "refused") return targetReply(set.jet, { id, state });
  await writeRefused(deps, { id, user, action: state, trigger }, jet, set.refusal);
  throw new RefusedError(set.refusal.code, set.refusal.message);
}

/** Where the jet is, and how it stands with what was asked. */
function targetReply(
  { reference, state, open, target, lastTarget }: JetRecord,
  asked: { readonly id: string; readonly state: string } | undefined,
): TargetReply {
  const reply: TargetReply = {
    jet: reference,
    ...(state === undefined ? {} : { state }),
    ...(target === undefined ? {} : { target: { id: target.id, state: target.state } }),
    ...(open === undefined ? {} : { actionId: open.id }),
  };
  if (asked === undefined || target?.id === asked.id) return reply;
  if (lastTarget?.id === asked.id) {
    const { outcome, code } = lastTarget;
    return {
      ...reply,
      outcome,
      ...(code === undefined ? {} : { error: { code, message: meaningOf(code) } }),
    };
  }
  return state === asked.state && open === undefined ? { ...reply, outcome: "SUCCESS" } : reply;
}
