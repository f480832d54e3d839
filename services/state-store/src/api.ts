import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  actionIdOfResume,
  poolConsumerOf,
  SVC_REQUESTS,
  type SvcRequest,
  type SvcVerb,
  type TriggerReply,
} from "@jetmesh/protocol";
import { actionIdOfKey, errorCode, RefusedError, statusOf } from "@jetmesh/service-kit";
import { ensureConsumer, type Incoming, type Responder, respond, UnavailableError } from "@jetmesh/storage";
import { type Acceptance, acceptTrigger } from "./accept.ts";
import { applyDocuments } from "./apply.ts";
import { createJet } from "./create-jet.ts";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { endPoisoned } from "./end-poisoned.ts";
import { writeLate, writeRefused } from "./history.ts";
import { replayLetter } from "./replay-letter.ts";
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
  "state-store.late": async (deps, late) => {
    await writeLate(deps, late.record, late);
    return {};
  },
};

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

async function jetCreate(deps: Deps, handed: SvcRequest<"state-store.jet-create">): Promise<TriggerReply> {
  const { user, key, keyed, request } = handed;
  const asked = askedBy(deps, handed, actionIdOfKey(user, key, "create", request.reference ?? ""), {});
  try {
    const { reference, state, actionId } = await createJet(deps, request, asked, keyed);
    return { actionId, jet: reference, ...(state === undefined ? {} : { state }) };
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

async function jetTrigger(deps: Deps, handed: SvcRequest<"state-store.jet-trigger">): Promise<TriggerReply> {
  const { user, key, keyed, request, denied } = handed;
  const id = actionIdOfKey(user, key, "trigger", request.jet);
  const asked: AcceptedTrigger = { ...askedBy(deps, handed, id, request.argument), action: request.action };
  if (keyed && denied === undefined && (await wasMade(deps, id))) return { actionId: id, jet: request.jet };
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
