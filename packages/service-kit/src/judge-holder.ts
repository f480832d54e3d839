import { type Claim, HolderAnswer, type HolderQuestion, type Names } from "@jetmesh/protocol";
import type { Connection, MeshStore } from "@jetmesh/storage";

/**
 * Whether the holder of a claim is known dead (design §2). Three requests over at least 1.5 s that nobody listens
 * for, or its presence gone; either counts only where this judge has itself been connected without a break, for
 * after a broker's restart everybody looks dead for a moment: until then it is unsure. A holder that does not know
 * the nonce any more counts as dead for that action.
 */
export type HolderVerdict = "alive" | "dead" | "unsure";

export interface HolderJudge {
  readonly connection: Connection;
  readonly names: Names;
  readonly store: Pick<MeshStore, "runners">;
  readonly config: { readonly JM_PRESENCE_TTL_MS: number };
  /**
   * A connection can stand while nothing comes through it: a broker that is paused, a link that is down, a stream
   * without a leader. Nobody renews a presence then, and a judge that has one of its own could not either.
   */
  readonly presence?: { renewedSince(): number | undefined };
}

const TRIES = 3;
const BETWEEN_MS = 750;
const ASK_MS = 1_000;
const CONNECTED_MS = 5_000;

export async function judgeHolder(
  judge: HolderJudge,
  actionId: string,
  { runner, nonce }: Claim,
): Promise<HolderVerdict> {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const answer = await askHolder(judge, runner, { v: 1, ask: "holding", id: actionId, nonce }, ASK_MS);
    if (answer === "holding" || answer === "ended") return "alive";
    if (answer === "not_mine") return "dead";
    if (answer === "silent") return judgePresence(judge, runner);
    if (tries < TRIES) await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
  return hasBeenConnectedFor(judge, CONNECTED_MS) ? "dead" : "unsure";
}

async function judgePresence(judge: HolderJudge, runner: string): Promise<HolderVerdict> {
  const presence = await judge.store.runners.get(runner);
  if (presence.kind !== "absent" && presence.kind !== "gone") return "alive";
  return hasBeenConnectedFor(judge, judge.config.JM_PRESENCE_TTL_MS) ? "dead" : "unsure";
}

function hasBeenConnectedFor({ connection, presence }: HolderJudge, ms: number): boolean {
  const connected = connection.connectedSince();
  const renewed = presence === undefined ? connected : presence.renewedSince();
  if (connected === undefined || renewed === undefined) return false;
  return performance.now() - Math.max(connected, renewed) >= ms;
}

export type HolderReply = HolderAnswer["answer"] | "nobody" | "silent";

/** Asks a holder about what it holds, or to end it. */
export async function askHolder(
  { connection, names }: Pick<HolderJudge, "connection" | "names">,
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
