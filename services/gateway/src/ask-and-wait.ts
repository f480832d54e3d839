import { randomUUID } from "node:crypto";
import type { ToldMessage } from "@jetmesh/protocol";
import type { GatewayDeps } from "./deps.ts";

/** What a state-store is told of every request that makes an action. */
export interface HandedOver {
  readonly v: 1;
  readonly user: string;
  readonly key: string;
  readonly keyed: boolean;
  readonly tell?: string;
}

interface Request {
  readonly key?: string | undefined;
  readonly wait: boolean;
  readonly timeoutMs: number;
}

/**
 * Hands a request over that makes an action, and with `wait` completes the reply by how that ended. One without a key of the
 * caller's gets one here: handed over twice, it is still one request.
 */
export async function askAndWait<T>(
  deps: Pick<GatewayDeps, "waits" | "instance">,
  user: string,
  request: Request,
  idOf: (key: string) => string,
  hand: (handed: HandedOver) => Promise<T>,
  complete: (reply: T, told: ToldMessage) => T,
): Promise<T> {
  const key = request.key ?? randomUUID();
  const base = { v: 1, user, key, keyed: request.key !== undefined } as const;
  if (!request.wait) return hand(base);
  const wait = deps.waits.begin(idOf(key), request.timeoutMs);
  try {
    const reply = await hand({ ...base, tell: deps.instance });
    if (hasEnded(reply)) return reply;
    return complete(reply, await wait.ended);
  } finally {
    wait.cancel();
  }
}

/** One that was asked for before, and has ended since. */
const hasEnded = (reply: unknown): boolean =>
  typeof reply === "object" && reply !== null && "outcome" in reply && reply.outcome !== undefined;

/** How it ended, as a reply says it. */
export const endOf = ({
  outcome,
  result,
  error,
}: ToldMessage): Pick<ToldMessage, "outcome" | "result" | "error"> => ({
  outcome,
  ...(result === undefined ? {} : { result }),
  ...(error === undefined ? {} : { error }),
});
