import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  poolConsumerOf,
  SVC_REQUESTS,
  type SvcRequest,
  type SvcVerb,
  type TriggerReply,
} from "@jetmesh/protocol";
import { actionIdOfKey } from "@jetmesh/service-kit";
import { ensureConsumer, type Incoming, type Responder, respond, UnavailableError } from "@jetmesh/storage";
import { acceptTrigger } from "./accept.ts";
import { applyDocuments } from "./apply.ts";
import { createJet } from "./create-jet.ts";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { writeLate, writeRefused } from "./history.ts";
import { RefusedError, statusOf } from "./refusal.ts";
import { wasMade } from "./was-made.ts";

/**
 * What gateways hand over and runners ask. A gateway has asked authz already, for a user's request is judged
 * where it comes in; `import` is judged here, where its documents are read.
 */
type Handlers = { readonly [V in SvcVerb]: (deps: Deps, request: SvcRequest<V>) => Promise<unknown> };

const HANDLERS: Handlers = {
  "state-store.import": (deps, { user, request }) => applyDocuments(deps, user, request),
  "state-store.jet-create": jetCreate,
  "state-store.jet-trigger": jetTrigger,
  "state-store.pool": async (deps, { pool }) => {
    await ensureConsumer(deps.connection, poolConsumerOf(deps.names, pool));
    return {};
  },
  "state-store.dead": async (deps, { subject, reason, code, data, stream, sequence, deliveries }) => {
    const origin = {
      ...(stream === undefined ? {} : { stream }),
      ...(sequence === undefined ? {} : { sequence }),
      ...(deliveries === undefined ? {} : { deliveries }),
    };
    await writeDead(deps, { subject, data: Buffer.from(data, "base64"), ...origin }, code, reason);
    return {};
  },
  "state-store.late": async (deps, late) => {
    await writeLate(deps, late.record, late);
    return {};
  },
};

type HandedOver = Pick<SvcRequest<"state-store.jet-trigger">, "user" | "key" | "tell">;

function askedBy(
  deps: Deps,
  { user, key, tell }: HandedOver,
  argument: AcceptedTrigger["argument"],
): Omit<AcceptedTrigger, "action"> {
  return {
    id: actionIdOfKey(user, key),
    user,
    argument,
    trigger: { via: "api", key, ...(tell === undefined ? {} : { tell }) },
    at: toInstant(deps.clock.now()),
  };
}

async function jetCreate(deps: Deps, handed: SvcRequest<"state-store.jet-create">): Promise<TriggerReply> {
  const { jet, actionId } = await createJet(deps, handed.request, askedBy(deps, handed, {}));
  return { actionId, jet: jet.reference, ...(jet.state === undefined ? {} : { state: jet.state }) };
}

async function jetTrigger(deps: Deps, handed: SvcRequest<"state-store.jet-trigger">): Promise<TriggerReply> {
  const { request, keyed } = handed;
  const asked: AcceptedTrigger = { ...askedBy(deps, handed, request.argument), action: request.action };
  if (keyed && (await wasMade(deps, asked.id))) return { actionId: asked.id, jet: request.jet };
  const accepted = await acceptTrigger(deps, request.jet, asked, request.onBusy, {
    access: { allow: true },
    expired: false,
  });
  if (accepted.kind === "refused") {
    const { refusal } = accepted;
    await writeRefused(deps, asked, request.jet, refusal);
    throw new RefusedError(refusal.code, refusal.message, refusal.details);
  }
  const { state } = accepted.jet;
  return {
    actionId: asked.id,
    jet: request.jet,
    ...(state === undefined ? {} : { state }),
    ...(accepted.kind === "queued" ? { queued: true } : {}),
  };
}

/** More requests than this at once are answered `overloaded` rather than kept. */
const MOST_AT_ONCE = 4_096;

export interface Api extends Responder {
  idle(): Promise<void>;
}

export function serveApi(deps: Deps): Api {
  const running = new Set<Promise<void>>();
  const responders = (Object.keys(HANDLERS) as SvcVerb[]).map((verb) => {
    const [service = "", name = ""] = verb.split(".");
    return respond(deps.connection, deps.names.svc.of(service, name), "state-store", (request) => {
      if (running.size >= MOST_AT_ONCE) {
        return request.replyError(statusOf("overloaded"), {
          code: "overloaded",
          message: "too many requests at once",
          details: { retryAfterMs: 500 },
        });
      }
      const task = answer(deps, verb, request).finally(() => running.delete(task));
      running.add(task);
    });
  });
  return {
    stop: async () => void (await Promise.all(responders.map((responder) => responder.stop()))),
    idle: async () => void (await Promise.allSettled(running)),
  };
}

async function answer(deps: Deps, verb: SvcVerb, request: Incoming): Promise<void> {
  try {
    const parsed = SVC_REQUESTS[verb].safeParse(JSON.parse(Buffer.from(request.data).toString()));
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
