import { toInstant } from "@jetmesh/lifecycle";
import {
  type AccessCheck,
  MESSAGE_ID_HEADER,
  readBody,
  TargetBody,
  TRIGGER_EXPIRES_MS,
  TriggerBody,
  type TriggerSource,
  type TriggerSubject,
} from "@jetmesh/protocol";
import { actionIdOfKey, actionIdOfMessage, askAccess, type Refusal } from "@jetmesh/service-kit";
import { type Disposal, type QueueMessage, UnavailableError } from "@jetmesh/storage";
import { acceptTrigger } from "./accept.ts";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";
import { writeRefused } from "./history.ts";
import { setTarget } from "./set-target.ts";
import { wasAnswered } from "./was-made.ts";

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
  const parsed = parseMessage(deps, message);
  if ("reason" in parsed) {
    await writeDead(deps, message, parsed.code, parsed.reason);
    return ACK;
  }
  const { subject, source, isKeyed, id } = parsed;
  if ((isKeyed || message.deliveries > 1) && (await wasAnswered(deps, id, subject, message))) return ACK;
  const refusal =
    subject.kind === "target"
      ? await takeTarget(deps, message, subject, parsed)
      : await takeTrigger(deps, message, subject, parsed);
  if (refusal === undefined) return ACK;
  const { user, jet } = subject;
  deps.log.info({ jet, user, code: refusal.code }, "trigger refused");
  const action = subject.kind === "target" ? subject.state : subject.action;
  await writeRefused(deps, { id, user, action, trigger: source }, jet, refusal);
  return ACK;
}

interface ParsedMessage {
  readonly subject: TriggerSubject;
  readonly body: TriggerBody;
  readonly id: string;
  readonly source: TriggerSource;
  /** Its sender gave it a message id, and may send it again. */
  readonly isKeyed: boolean;
}

interface Unprocessable {
  readonly code: "invalid_request" | "too_large";
  readonly reason: string;
}

function parseMessage({ names }: Deps, message: QueueMessage): ParsedMessage | Unprocessable {
  const subject = names.trigger.parse(message.subject);
  if (subject === undefined) {
    const trigger = names.trigger.of("<user>", "<jet>", "<action>");
    const target = names.trigger.ofTarget("<user>", "<jet>", "<state>");
    return { code: "invalid_request", reason: `the subject is neither ${trigger} nor ${target}` };
  }
  const read = readBody(message.data);
  if (!read.ok) return read;
  const body = (subject.kind === "trigger" ? TriggerBody : TargetBody).safeParse(read.value);
  if (!body.success) {
    const faults = body.error.issues.map(({ path, message: what }) => `${path.join(".") || "body"}: ${what}`);
    return { code: "invalid_request", reason: faults.slice(0, 20).join("; ") };
  }
  const key = message.headers.get(MESSAGE_ID_HEADER) ?? "";
  const isKeyed = key !== "";
  return {
    subject,
    body: { argument: {}, ...body.data },
    isKeyed,
    id: isKeyed
      ? actionIdOfKey(subject.user, key, subject.kind, subject.jet)
      : actionIdOfMessage(message.stream, message.sequence),
    source: {
      via: subject.kind === "target" ? "target" : "stream",
      key: isKeyed ? key.slice(0, 200) : String(message.sequence),
      sequence: message.sequence,
    },
  };
}

const isExpired = ({ clock }: Deps, message: QueueMessage): boolean =>
  clock.now() - message.storedAt > TRIGGER_EXPIRES_MS;

async function takeTrigger(
  deps: Deps,
  message: QueueMessage,
  subject: TriggerSubject & { kind: "trigger" },
  { id, body, source }: ParsedMessage,
): Promise<Refusal | undefined> {
  const { user, jet, action } = subject;
  const at = toInstant(message.storedAt);
  const { argument, variables } = body;
  const asked = {
    ...{ id, action, user, argument, trigger: source, at },
    ...(variables === undefined ? {} : { variables }),
  };
  const checks: AccessCheck[] = [{ operation: "trigger", user, jet, action }];
  if (variables !== undefined) checks.push({ operation: "jet.update", user, jet });
  const access = (await askAccess(deps, checks)).find(({ allow }) => !allow) ?? { allow: true as const };
  const facts = { access, expired: isExpired(deps, message) };
  const accepted = await acceptTrigger(deps, jet, asked, body.onBusy, facts);
  return accepted.kind === "refused" ? accepted.refusal : undefined;
}

async function takeTarget(
  deps: Deps,
  message: QueueMessage,
  { user, jet, state }: TriggerSubject & { kind: "target" },
  { id, source }: ParsedMessage,
): Promise<Refusal | undefined> {
  if (isExpired(deps, message))
    return { code: "trigger_expired", message: "the target is older than 12 hours" };
  const set = await setTarget(deps, { id, jet, state, user, trigger: source });
  return set.kind === "refused" ? set.refusal : undefined;
}
