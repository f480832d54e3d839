import { type ActionDecision, decideAction } from "@jetmesh/lifecycle";
import {
  type ActionOffer,
  type ActionRecord,
  actionIdOfResume,
  type Claim,
  ResumeBody,
} from "@jetmesh/protocol";
import { type HolderVerdict, judgeHolder } from "@jetmesh/service-kit";
import {
  ask,
  type Disposal,
  ensureError,
  parseJson,
  type QueueMessage,
  UnavailableError,
} from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import { createHeldAction, newNonce, type WrittenAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";
import { runHeld } from "./run-held.ts";
import { tellEnded } from "./tell-ended.ts";

const ACK: Disposal = { kind: "ack" };
/** Lost races for one hint: whoever won has it. */
const MAX_TRIES = 5;
/** A judge that is not sure of a holder leaves the hint to the next, who may have been connected for longer. */
const UNSURE_MS = 1_000;
const UNKNOWN_MS = 1_000;
/** Longer than an offer waits for its answer. */
const FRESH_MS = 5_000;
/** A record that has not begun for so long is asked for: its jet must still wait for it. */
const OLD_MS = 3_600_000;

/**
 * One hint to look at an action: judged from its record, claimed by a compare-and-swap, acknowledged once the
 * claim is won or lost, and executed after that (design §4).
 */
export async function takeAction(
  deps: RunnerDeps,
  message: QueueMessage,
  onFree: () => void,
): Promise<Disposal> {
  try {
    return await take(deps, message, onFree);
  } catch (thrown) {
    if (thrown instanceof UnavailableError || message.deliveries < 5) {
      deps.log.warn({ err: thrown, subject: message.subject }, "a resume is tried again");
      return { kind: "retry", afterMs: Math.min(10_000, 250 * message.deliveries) };
    }
    return bury(
      deps,
      message,
      "internal",
      `failed ${String(message.deliveries)} times: ${ensureError(thrown).message}`,
    );
  }
}

async function take(deps: RunnerDeps, message: QueueMessage, onFree: () => void): Promise<Disposal> {
  const hint = parseHint(message);
  if (hint === undefined) return bury(deps, message, "invalid_request", "not a resume");
  const { record, revision } = hint;
  const carried = record !== undefined && revision !== undefined ? { record, revision } : undefined;
  const looked = await look(deps, hint.id, carried, onFree);
  // Another runner of the pool may know the kind; the action itself waits, and its start delay counts.
  return looked === "done" ? ACK : { kind: "retry", afterMs: looked === "unsure" ? UNSURE_MS : UNKNOWN_MS };
}

/**
 * An action that its state-store has not written (ADR 0024): its claim is its first record. False where it is not for
 * this runner; true where it was taken, or is there already.
 */
export async function takeOffered(
  deps: RunnerDeps,
  { record, from }: Omit<ActionOffer, "v">,
  onFree: () => void,
): Promise<boolean> {
  // One that was on its way for so long is nothing to begin with: its state-store writes it, and others look at that.
  if (deps.clock.now() - Date.parse(record.createdAt) > FRESH_MS) return false;
  return (await look(deps, record.id, { record, revision: 0 }, onFree, from)) === "done";
}

/** "done": claimed, or nothing to be done. */
type Looked = "done" | "unsure" | "unknown_kind";

async function look(
  deps: RunnerDeps,
  id: string,
  given: Pick<WrittenAction, "record" | "revision"> | undefined,
  onFree: () => void,
  offeredBy?: string,
): Promise<Looked> {
  let carried = given;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const at = carried ?? (await readAction(deps, id));
    if (at === undefined) return "done";
    carried = undefined;
    const kind = deps.kinds.get(at.record.kind);
    if (kind === undefined) return "unknown_kind";
    const decision = await judge(deps, at.record);
    if (decision === "unsure") return decision;
    if (decision.kind !== "write" || !(await isStillWanted(deps, at.record))) return "done";
    const next = opened(kind, decision, deps.clock.now());
    const nonce = next.claim?.nonce ?? "";
    const text = JSON.stringify(next);
    deps.claiming.add(nonce);
    try {
      const written = await deps.store.actions.swap(id, next, at.revision, {
        point: "action.claim",
        text,
        // Until it is acknowledged or refused: given up, it would look like one that was interrupted.
        deadlineMs: Number.POSITIVE_INFINITY,
      });
      if (written.kind === "conflict") continue;
      const { revision } = written;
      if (next.claim?.runner !== deps.id) endWithoutClaim(deps, { revision, text }, decision);
      // One that was made just now, but was to be made long ago: its time may have come and gone.
      else if (at.revision === 0 && !(await isStillWanted(deps, at.record)))
        await giveBack(deps, { record: next, revision, text, offeredBy });
      else execute(deps, kind, { record: next, revision, text, offeredBy }, decision, onFree);
    } finally {
      deps.claiming.delete(nonce);
    }
    return "done";
  }
  return "done";
}

/** Ends, unrun, what this runner should not have made. */
async function giveBack(deps: RunnerDeps, written: WrittenAction): Promise<void> {
  const { claim } = written.record;
  if (claim === undefined) return;
  const held = createHeldAction(deps, written, claim);
  const ended = await held.apply({
    type: "cancel",
    why: "canceled",
    message: "its jet does not wait for it",
  });
  if (ended !== "lost" && ended.kind === "write") tellEnded(deps, held);
}

async function readAction(
  deps: RunnerDeps,
  id: string,
): Promise<Pick<WrittenAction, "record" | "revision"> | undefined> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind === "unreadable")
    throw new Error(`the record of action ${id} cannot be read: ${stored.why}`);
  return stored.kind === "record" ? { record: stored.value, revision: stored.revision } : undefined;
}

/** Asks after the holder only where everything hangs on it: that takes up to two seconds. */
async function judge(deps: RunnerDeps, record: ActionRecord): Promise<ActionDecision | "unsure"> {
  const resume = { type: "resume", runner: deps.id, nonce: newNonce(), holderDead: false } as const;
  const decision = decideAction(record, resume, deps.clock.now());
  if (decision.kind !== "unchanged" || decision.why !== "held" || record.claim === undefined) return decision;
  const verdict = await judgeClaim(deps, record.id, record.claim);
  if (verdict === "unsure") return verdict;
  return verdict === "alive"
    ? decision
    : decideAction(record, { ...resume, holderDead: true }, deps.clock.now());
}

/** What this runner holds itself it need not ask about. */
async function judgeClaim(deps: RunnerDeps, id: string, claim: Claim): Promise<HolderVerdict> {
  if (claim.runner !== deps.id) return judgeHolder(deps, id, claim);
  const isMine = deps.claiming.has(claim.nonce) || deps.held.get(id)?.claim.nonce === claim.nonce;
  return isMine ? "alive" : "dead";
}

/**
 * Whether the jet of a record that was never begun still names it. A state-store that stood still between accepting
 * a trigger and writing its action, for longer than closed records and their markers are kept, writes it a second
 * time: long after it has run (design §7.5).
 */
async function isStillWanted(deps: RunnerDeps, record: ActionRecord): Promise<boolean> {
  if (record.state !== "SLEEPING" || record.jet === undefined) return true;
  if (deps.clock.now() - Date.parse(record.createdAt) < OLD_MS) return true;
  const stored = await deps.store.jets.get(record.jet);
  const isWanted = stored.kind === "record" && stored.value.open?.id === record.id;
  if (!isWanted)
    deps.log.warn({ action: record.id, jet: record.jet }, "an old record that its jet does not name");
  return isWanted;
}

/** The claim's own write opens what the kind begins with. */
function opened(kind: ActionKind, decision: ActionDecision & { kind: "write" }, now: number): ActionRecord {
  const { next, effects } = decision;
  const claimsMain = effects.some((effect) => effect.type === "run" && effect.method === "main");
  const left = claimsMain ? kind.opening?.(next, now) : undefined;
  if (left === undefined) return next;
  return {
    ...next,
    ...(left.journal === undefined ? {} : { journal: [...left.journal] }),
    ...(left.bag === undefined ? {} : { bag: left.bag }),
  };
}

function execute(
  deps: RunnerDeps,
  kind: ActionKind,
  written: WrittenAction,
  decision: ActionDecision & { kind: "write" },
  onFree: () => void,
): void {
  const { record } = written;
  if (record.claim === undefined) return;
  const held = createHeldAction(deps, written, record.claim, kind.takesNotes);
  deps.held.set(record.id, held);
  runHeld(deps, held, kind, decision.effects)
    .catch((thrown: unknown) => deps.log.error({ err: thrown, action: record.id }, "left to be taken over"))
    .finally(() => {
      if (deps.held.get(record.id) === held) deps.held.delete(record.id);
      held.markEnded();
      onFree();
    });
}

/** Looking at it ended it: a start delay or a deadline had passed. */
function endWithoutClaim(
  deps: RunnerDeps,
  written: Omit<WrittenAction, "record">,
  decision: ActionDecision & { kind: "write" },
): void {
  if (decision.effects.some(({ type }) => type === "tell")) tellEnded(deps, written);
}

function parseHint(message: QueueMessage): ResumeBody | undefined {
  try {
    const body = ResumeBody.parse(parseJson(message.data));
    return body.id === actionIdOfResume(message.subject) &&
      (body.record === undefined || body.record.id === body.id)
      ? body
      : undefined;
  } catch {
    return undefined;
  }
}

/** Only a state-store writes dead letters. */
export async function bury(
  deps: RunnerDeps,
  message: QueueMessage,
  code: string,
  reason: string,
): Promise<Disposal> {
  const letter = {
    v: 1,
    stream: message.stream,
    sequence: message.sequence,
    deliveries: message.deliveries,
    subject: message.subject,
    code,
    reason,
    size: message.data.length,
    data: Buffer.from(message.data.subarray(0, 64 * 1024)).toString("base64"),
  };
  const answer = await ask(deps.connection, deps.names.svc.of("state-store", "dead"), letter, 5_000);
  return answer.ok ? ACK : { kind: "retry", afterMs: 1_000 };
}
