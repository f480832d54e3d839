import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  MAX_BODY_BYTES,
  MESSAGE_ID_HEADER,
  TargetBody,
  TRIGGER_EXPIRES_MS,
  TriggerBody,
  type TriggerSubject,
} from "@jetmesh/protocol";
import { actionIdOfKey, actionIdOfMessage } from "@jetmesh/service-kit";
import { type Disposal, type QueueMessage, UnavailableError } from "@jetmesh/storage";
import { acceptTrigger } from "./accept.ts";
import { mayTrigger } from "./access.ts";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { writeRefused } from "./history.ts";
import type { Refusal } from "./refusal.ts";
import { setTarget } from "./set-target.ts";
import { wasMade } from "./was-made.ts";

const ACK: Disposal = { kind: "ack" };

/**
 * One message of the stream of triggers: parse, authorize, accept, acknowledge. Every message ends in an effect,
 * a refusal in the history, or a dead letter; and while authz or the broker cannot be asked, it stays.
 */
export async function handleTriggerMessage(deps: Deps, message: QueueMessage): Promise<Disposal> {
  try {
    return await handle(deps, message);
  } catch (thrown) {
    if (thrown instanceof UnavailableError) {
      deps.log.warn({ subject: message.subject, why: thrown.message }, "trigger stays in its stream");
      return { kind: "retry", afterMs: Math.min(10_000, 250 * message.deliveries) };
    }
    if (message.deliveries < MOST_DELIVERIES) {
      deps.log.error({ err: thrown, subject: message.subject }, "trigger failed, tried again");
      return { kind: "retry", afterMs: 500 * message.deliveries };
    }
    await writeDead(
      deps,
      message,
      "internal",
      `failed ${String(message.deliveries)} times: ${String(thrown)}`,
    );
    return ACK;
  }
}

/** A message that makes its handler throw this often is poison: put aside, so that it holds up nothing. */
const MOST_DELIVERIES = 5;

async function handle(deps: Deps, message: QueueMessage): Promise<Disposal> {
  const { names, clock } = deps;
  const subject = names.trigger.parse(message.subject);
  if (subject === undefined)
    return dead(
      deps,
      message,
      "invalid_request",
      `the subject is none of ${names.prefix}.trigger.<user>.<jet>.<action>, ${names.prefix}.target.<user>.<jet>.<state>`,
    );
  if (message.data.length > MAX_BODY_BYTES)
    return dead(
      deps,
      message,
      "too_large",
      `${String(message.data.length)} bytes are more than ${String(MAX_BODY_BYTES)}`,
    );
  const json = parseJson(message.data);
  if (json === NOT_JSON) return dead(deps, message, "invalid_request", "the body is not JSON");
  const body = (subject.kind === "trigger" ? TriggerBody : TargetBody).safeParse(json);
  if (!body.success)
    return dead(
      deps,
      message,
      "invalid_request",
      body.error.issues.map((issue) => `${issue.path.join(".") || "body"}: ${issue.message}`).join("; "),
    );

  const key = message.headers.get(MESSAGE_ID_HEADER);
  const id =
    key === undefined || key === ""
      ? actionIdOfMessage(message.stream, message.sequence)
      : actionIdOfKey(subject.user, key);
  const isRepeatable = (key !== undefined && key !== "") || message.deliveries > 1;
  if (isRepeatable && (await wasMade(deps, id))) return ACK;

  const source = {
    via: "stream",
    key: key === undefined || key === "" ? String(message.sequence) : key.slice(0, 200),
    sequence: message.sequence,
  } as const;
  const expired = clock.now() - message.storedAt > TRIGGER_EXPIRES_MS;
  const at = toInstant(message.storedAt);
  if (subject.kind === "target") {
    const refusal = expired
      ? EXPIRED
      : await setTarget(deps, {
          id,
          jet: subject.jet,
          state: subject.state,
          user: subject.user,
          trigger: { ...source, via: "target" },
        });
    if (refusal !== undefined)
      await writeRefused(
        deps,
        { id, user: subject.user, action: subject.state, trigger: source },
        subject.jet,
        refusal,
      );
    return ACK;
  }
  const { argument, onBusy } = TriggerBody.parse(json ?? {});
  const asked: AcceptedTrigger = {
    id,
    action: subject.action,
    user: subject.user,
    argument,
    trigger: source,
    at,
  };
  const access = await mayTrigger(deps, subject.user, subject.jet, subject.action);
  const accepted = await acceptTrigger(deps, subject.jet, asked, onBusy, { access, expired });
  if (accepted.kind === "refused") await refuse(deps, subject, asked, accepted.refusal);
  return ACK;
}

const EXPIRED: Refusal = { code: "trigger_expired", message: "the target is older than 12 hours" };

async function refuse(
  deps: Deps,
  subject: TriggerSubject,
  asked: AcceptedTrigger,
  refusal: Refusal,
): Promise<void> {
  deps.log.info({ jet: subject.jet, user: subject.user, code: refusal.code }, "trigger refused");
  await writeRefused(deps, asked, subject.jet, refusal);
}

async function dead(deps: Deps, message: QueueMessage, code: string, reason: string): Promise<Disposal> {
  await writeDead(deps, message, code, reason);
  return ACK;
}

const NOT_JSON = Symbol("not JSON");
const decoder = new TextDecoder("utf-8", { fatal: true });

/** An empty body is an empty request. */
function parseJson(data: Uint8Array): unknown {
  if (data.length === 0) return {};
  try {
    return JSON.parse(decoder.decode(data));
  } catch {
    return NOT_JSON;
  }
}
