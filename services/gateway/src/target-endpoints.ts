import { randomUUID } from "node:crypto";
import {
  meaningOf,
  type PathReply,
  type RequestOf,
  type TargetReply,
  type ToldMessage,
} from "@jetmesh/protocol";
import { actionIdOfKey, RefusedError } from "@jetmesh/service-kit";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { seenActions } from "./views.ts";
import type { Awaited } from "./waits.ts";

/** What bringing a jet to a state would do now: judged by who would decide it, so that it is what would be done. */
export async function jetPath(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.path">,
): Promise<PathReply> {
  const verb = "state-store.jet-path";
  const reply = await handOver<PathReply, typeof verb>(deps, verb, { v: 1, user, request });
  return { ...reply, items: await seenActions(deps, user, reply.items) };
}

/** Judged by the state-store, which knows the way; with `wait` answered when the jet is there, or will not be. */
export async function targetJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.target">,
): Promise<TargetReply> {
  const { jet, state } = request;
  const key = request.key ?? randomUUID();
  const verb = "state-store.jet-target";
  const hand = (tell: { tell?: string }): Promise<TargetReply> => {
    const base = { v: 1, user, key, keyed: request.key !== undefined } as const;
    return handOver<TargetReply, typeof verb>(deps, verb, { ...base, ...tell, request }, jet);
  };
  if (!request.wait || state === null) return hand({});
  const id = actionIdOfKey(user, key, "target", jet);
  const asked = { id, jet, state, isSet: false };
  const wait = deps.waits.begin(id, request.timeoutMs, endOfTarget(deps, asked));
  try {
    const reply = await hand({ tell: deps.instance });
    asked.isSet = true;
    if (reply.outcome !== undefined) return reply;
    const told = await wait.ended;
    return {
      jet,
      ...(told.jetState === undefined ? {} : { state: told.jetState }),
      outcome: told.outcome,
      ...(told.error === undefined ? {} : { error: told.error }),
    };
  } finally {
    wait.cancel();
  }
}

/** For where nobody told: the record of the jet knows its target, and its last one. */
function endOfTarget(
  { store }: Pick<GatewayDeps, "store">,
  asked: { readonly id: string; readonly jet: string; readonly state: string; readonly isSet: boolean },
): Awaited {
  const { id, jet, state } = asked;
  const over = (code: string | undefined, jetState?: string): ToldMessage => {
    const outcome = code === undefined ? "SUCCESS" : "ERROR";
    return {
      v: 1,
      id,
      state: outcome,
      outcome,
      jet,
      ...(jetState === undefined ? {} : { jetState }),
      ...(code === undefined ? {} : { error: { code, message: meaningOf(code) } }),
    };
  };
  return {
    look: async () => {
      if (!asked.isSet) return undefined;
      const stored = await store.jets.get(jet);
      if (stored.kind === "unreadable") return undefined;
      if (stored.kind !== "record" || stored.value.destroyedAt !== undefined) return over("unknown_jet");
      const { target, lastTarget, state: is, open } = stored.value;
      if (target?.id === id) return undefined;
      if (lastTarget?.id === id)
        return lastTarget.outcome === "SUCCESS" ? over(undefined, state) : over(lastTarget.code ?? "", is);
      // Another came and went since, or it was there from the start.
      return is === state && open === undefined ? over(undefined, is) : over("target_replaced", is);
    },
    tooLate: (timeoutMs) =>
      new RefusedError(
        "wait_timeout",
        `jet '${jet}' is not '${state}' within ${String(timeoutMs)} ms; it goes on`,
        { jet, state },
      ),
  };
}
