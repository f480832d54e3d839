import { decideAction } from "@jetmesh/lifecycle";
import { type ActionRecord, type Claim, MAX_ACTION_BYTES, type Note } from "@jetmesh/protocol";
import { askHolder } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { followUp } from "./follow-up.ts";

/**
 * "noted": its record has it. "over": it has ended, or waits for nothing like it. "later": somebody holds it who does not
 * answer, and who is taken over if it is dead.
 */
export type Noted = "noted" | "over" | "full" | "too_large" | "unknown" | "later";

/** Lost races, and holders that come and go between a look and a question. */
const MOST_TRIES = 40;
const AGAIN_MS = 25;
/** What is told goes into the holder's next write. */
const ANSWER_MS = 5_000;

/**
 * Tells an action something: a child's end, or a signal. What a runner holds only that runner writes: it is asked to, and
 * answers when it has. What nobody holds is written here, and its watcher is asked at once (ADR 0033).
 */
export async function noteAction(deps: Deps, id: string, note: Note): Promise<Noted> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.actions.get(id);
    if (stored.kind !== "record") return "unknown";
    const { value: record, revision } = stored;
    const answer =
      record.claim === undefined
        ? await write(deps, record, revision, note)
        : await tellHolder(deps, id, record.claim, note);
    if (answer !== "again") return answer;
    if (tries > 0) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
  return "later";
}

async function tellHolder(
  deps: Deps,
  id: string,
  { runner, nonce }: Claim,
  note: Note,
): Promise<Noted | "again"> {
  const answer = await askHolder(deps, runner, { v: 1, ask: "note", id, nonce, note }, ANSWER_MS);
  if (answer === "noted" || answer === "full") return answer;
  // Its claim is on its way, or it has just let go: the record says more.
  return answer === "holding" || answer === "not_mine" ? "again" : "later";
}

async function write(
  deps: Deps,
  record: ActionRecord,
  revision: number,
  note: Note,
): Promise<Noted | "again"> {
  const decision = decideAction(record, { type: "noted", note }, deps.clock.now());
  if (decision.kind === "unchanged") return UNCHANGED[decision.why] ?? "over";
  if (decision.kind !== "write") return "over";
  const { next, effects } = decision;
  const text = JSON.stringify(next);
  if (text.length > MAX_ACTION_BYTES) return "too_large";
  const written = await deps.store.actions.swap(record.id, next, revision, { point: "action.note", text });
  if (written.kind === "conflict") return "again";
  await followUp(deps, { record: next, revision: written.revision }, effects, text);
  return "noted";
}

const UNCHANGED: Readonly<Partial<Record<string, Noted | "again">>> = {
  already: "noted",
  full: "full",
  held: "again",
};
