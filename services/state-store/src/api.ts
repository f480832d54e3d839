import {
  actionIdOfResume,
  type PoolReply,
  poolConsumerOf,
  SVC_REQUESTS,
  type SvcRequest,
  type SvcVerb,
} from "@jetmesh/protocol";
import { RefusedError, statusOf } from "@jetmesh/service-kit";
import {
  ensureConsumer,
  type Incoming,
  parseJson,
  type Responder,
  respond,
  UnavailableError,
} from "@jetmesh/storage";
import { applyDocuments } from "./apply.ts";
import { approveStep } from "./approve-step.ts";
import { cancelWaiting } from "./cancel-waiting.ts";
import { changeAction } from "./change-action.ts";
import { cancelChild, makeChild } from "./children.ts";
import { createAction } from "./create-action.ts";
import { writeDead } from "./dead-letters.ts";
import { deleteDefinition } from "./delete-definition.ts";
import type { Deps } from "./deps.ts";
import { endPoisoned } from "./end-poisoned.ts";
import { writeLate } from "./history.ts";
import { jetCreate, jetTarget, jetTrigger } from "./jet-requests.ts";
import { previewWay } from "./judge-way.ts";
import { lookAtLimits } from "./look-at-limits.ts";
import { pauseSchedule } from "./pause-schedule.ts";
import { jetsOf, lookAtJet, triggerByPlan } from "./plan-jets.ts";
import { replayLetter } from "./replay-letter.ts";
import { rollBack } from "./roll-back.ts";
import { deleteSecret, listSecrets, setSecret } from "./secrets.ts";
import { rotateKey, tellKey } from "./secrets-key.ts";
import { signalAction } from "./signal-action.ts";
import { deleteJet, updateJet } from "./update-and-delete.ts";

/**
 * What gateways hand over and runners ask. A gateway has asked authz already, for a user's request is judged
 * where it comes in; what hangs on what is stored is judged here:
 * `import` by its documents, a target by its way, a delete by what goes with it.
 */
type Handlers = { readonly [V in SvcVerb]: (deps: Deps, request: SvcRequest<V>) => Promise<unknown> };

const HANDLERS: Handlers = {
  "state-store.import": (deps, { user, request }) => applyDocuments(deps, user, request),
  "state-store.jet-create": jetCreate,
  "state-store.jet-trigger": jetTrigger,
  "state-store.action-create": createAction,
  "state-store.child-create": async (deps, child) => {
    await makeChild(deps, child);
    return {};
  },
  "state-store.child-cancel": async (deps, child) => {
    await cancelChild(deps, child);
    return {};
  },
  "state-store.child-jet": triggerByPlan,
  "state-store.jet-look": lookAtJet,
  "state-store.jets-of": (deps, { template }) => jetsOf(deps, template),
  "state-store.action-rollback": async (deps, asked) => ({ action: await rollBack(deps, asked) }),
  "state-store.action-signal": signalAction,
  "state-store.approve": approveStep,
  "state-store.kind": async (deps, { kind }) => {
    await deps.kinds.register(kind);
    return {};
  },
  "state-store.action-change": (deps, { v: _v, ...asked }) => changeAction(deps, asked),
  "state-store.jet-target": jetTarget,
  "state-store.jet-path": (deps, { user, request }) => previewWay(deps, user, request),
  "state-store.jet-update": updateJet,
  "state-store.jet-delete": deleteJet,
  "state-store.waiting-cancel": async (deps, { user, jet, id }) => {
    await cancelWaiting(deps, user, jet, id);
    return {};
  },
  "state-store.definition-delete": (deps, { user, kind, reference }) =>
    deleteDefinition(deps, user, kind, reference),
  "state-store.limit-look": lookAtLimits,
  "state-store.schedule-pause": (deps, { user, reference, paused }) =>
    pauseSchedule(deps, user, reference, paused),
  "state-store.pool": async ({ connection, names, queues }, { pool, labels = [] }): Promise<PoolReply> => {
    await ensureConsumer(connection, poolConsumerOf(names, pool));
    return { v: 1, queues: await queues.servedBy(pool, labels) };
  },
  "state-store.dead": async (deps, { subject, reason, code, size, data, ...from }) => {
    const { stream, sequence, deliveries } = from;
    const origin = {
      ...(stream === undefined ? {} : { stream }),
      ...(sequence === undefined ? {} : { sequence }),
      ...(deliveries === undefined ? {} : { deliveries }),
    };
    await writeDead(deps, { subject, data: Buffer.from(data, "base64"), size, ...origin }, code, reason);
    const action = stream === deps.names.streams.resume ? actionIdOfResume(subject) : undefined;
    if (code === "poison" && action !== undefined) await endPoisoned(deps, action, reason);
    return {};
  },
  "state-store.dead-replay": (deps, { user, sequence }) => replayLetter(deps, user, sequence),
  "state-store.secret-key": tellKey,
  "state-store.secret-set": setSecret,
  "state-store.secret-list": listSecrets,
  "state-store.secret-delete": deleteSecret,
  "state-store.secret-rotate": rotateKey,
  "state-store.late": async (deps, late) => {
    await writeLate(deps, late.record, late);
    return {};
  },
};

/** More requests than this at once are answered `overloaded` rather than kept. */
const MOST_AT_ONCE = 4_096;

export interface Api extends Responder {
  idle(): Promise<void>;
}

export function serveApi(deps: Deps): Api {
  const running = new Set<Promise<void>>();
  const { connection, names, instance } = deps;
  const responders = (Object.keys(HANDLERS) as SvcVerb[]).flatMap((verb) => {
    const [service = "", name = ""] = verb.split(".");
    const onRequest = (request: Incoming): void => {
      if (running.size >= MOST_AT_ONCE) {
        return request.replyError(statusOf("overloaded"), {
          code: "overloaded",
          message: "too many requests at once",
          details: { retryAfterMs: 500 },
        });
      }
      const task = answer(deps, verb, request).finally(() => running.delete(task));
      running.add(task);
    };
    return [
      respond(connection, names.svc.of(service, name), "state-store", onRequest),
      respond(connection, names.svc.ofInstance(service, instance, name), undefined, onRequest),
    ];
  });
  return {
    stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))),
    idle: async () => void (await Promise.allSettled(running)),
  };
}

async function answer(deps: Deps, verb: SvcVerb, request: Incoming): Promise<void> {
  try {
    const parsed = SVC_REQUESTS[verb].safeParse(parseJson(request.data));
    if (!parsed.success) throw new RefusedError("invalid_request", parsed.error.message);
    request.reply(
      await (HANDLERS[verb] as (deps: Deps, request: unknown) => Promise<unknown>)(deps, parsed.data),
    );
  } catch (thrown) {
    const refusal =
      thrown instanceof RefusedError
        ? thrown.refusal
        : thrown instanceof UnavailableError
          ? ({ code: "unavailable", message: thrown.message } as const)
          : ({ code: "internal", message: "the state-store failed; its log has the details" } as const);
    if (refusal.code === "internal") deps.log.error({ err: thrown, verb }, "a request failed");
    request.replyError(statusOf(refusal.code), refusal);
  }
}
