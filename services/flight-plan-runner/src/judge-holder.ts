import { type Claim, HolderAnswer, type HolderQuestion } from "@jetmesh/protocol";
import type { RunnerDeps } from "./deps.ts";

/**
 * Whether the holder of a claim is known dead (design §2). Three requests over at least 1.5 s that nobody listens
 * for, or its presence gone; either counts only where this judge has itself been connected without a break, for
 * after a broker's restart everybody looks dead for a moment. A holder that does not know the nonce any more
 * counts as dead for that action.
 */
const TRIES = 3;
const BETWEEN_MS = 750;
const ASK_MS = 1_000;
const CONNECTED_MS = 5_000;

export async function isHolderDead(deps: RunnerDeps, actionId: string, claim: Claim): Promise<boolean> {
  if (claim.runner === deps.id) {
    return !deps.claiming.has(claim.nonce) && deps.held.get(actionId)?.claim.nonce !== claim.nonce;
  }
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const answer = await askHolder(
      deps,
      claim.runner,
      { v: 1, ask: "holding", id: actionId, nonce: claim.nonce },
      ASK_MS,
    );
    if (answer === "holding" || answer === "ended") return false;
    if (answer === "not_mine") return true;
    if (answer === "silent") return presenceIsGone(deps, claim.runner);
    if (tries < TRIES) await wait(BETWEEN_MS);
  }
  return hasBeenConnectedFor(deps, CONNECTED_MS);
}

async function presenceIsGone(deps: RunnerDeps, runner: string): Promise<boolean> {
  if (!hasBeenConnectedFor(deps, deps.config.JM_PRESENCE_TTL_MS)) return false;
  const presence = await deps.store.runners.get(runner);
  return presence.kind === "absent" || presence.kind === "gone";
}

/**
 * A connection can stand while nothing comes through it: a broker that is paused, a link that is down, a stream
 * without a leader. Nobody renews a presence then, and this judge cannot renew its own.
 */
function hasBeenConnectedFor({ connection, presence }: RunnerDeps, ms: number): boolean {
  const connected = connection.connectedSince();
  const renewed = presence.renewedSince();
  if (connected === undefined || renewed === undefined) return false;
  return performance.now() - Math.max(connected, renewed) >= ms;
}

export type HolderReply = HolderAnswer["answer"] | "nobody" | "silent";

/** Asks a holder about what it holds, or to end it. */
export async function askHolder(
  { connection, names }: Pick<RunnerDeps, "connection" | "names">,
  runner: string,
  question: HolderQuestion,
  timeoutMs: number,
): Promise<HolderReply> {
  const subject = names.svc.ofInstance("runner", runner, "ask");
  const reply = await connection.pipeline.call(subject, JSON.stringify(question), undefined, timeoutMs);
  if (reply === "no_responders") return "nobody";
  if (typeof reply === "string") return "silent";
  const parsed = HolderAnswer.safeParse(reply.json());
  return parsed.success ? parsed.data.answer : "silent";
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
