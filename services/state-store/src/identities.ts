import { hash } from "node:crypto";
import { decideAction, type Ending, endingOf, followerOf } from "@jetmesh/lifecycle";
import {
  type ActionRecord,
  type IdentityRecord,
  identityKey,
  type KindRecord,
  MAX_ACTION_BYTES,
  MAX_FOLLOWERS,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { beginAction } from "./begin-action.ts";
import type { Deps } from "./deps.ts";
import { noteAction } from "./note-action.ts";

/**
 * Actions that are the same (ADR 0034): a kind says what of its argument makes two of them so. One runs, the leader; others
 * that come while it is open are made as its followers, which run nothing and end as it does. Who leads is in one record,
 * written before any of their own: it holds each as it is to be made, so that whoever comes next makes what somebody else
 * did not come to.
 */
const MOST_TRIES = 50;
/** The record of who led is of no use once that is over. */
const OVER_MS = 60_000;

/** As JSON whose keys stand in one order, however they were given. */
const canonical = (value: unknown): unknown =>
  typeof value !== "object" || value === null
    ? value
    : Array.isArray(value)
      ? value.map(canonical)
      : Object.fromEntries(
          Object.entries(value)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, one]) => [key, canonical(one)]),
        );

export function identityOf(registered: KindRecord, argument: ActionRecord["argument"]): string | undefined {
  const { kind, identity } = registered;
  if (identity === undefined) return undefined;
  const parts =
    identity.length === 0
      ? argument
      : Object.fromEntries(identity.map((name) => [name, argument[name] ?? null]));
  return identityKey(kind, hash("sha256", JSON.stringify(canonical(parts)), "hex").slice(0, 26));
}

/** The action as it is to be made: itself where it leads, a follower, or one that has ended with what was done once. */
export async function joinIdentity(deps: Deps, key: string, given: ActionRecord): Promise<ActionRecord> {
  const record = { ...given, identity: key };
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.identities.get(key);
    const is = stored.kind === "record" ? stored.value : undefined;
    const revision = stored.kind === "absent" ? 0 : stored.revision;
    const now = deps.clock.now();
    if (is?.done !== undefined) {
      const end = endingOf({ outcome: "SUCCESS", result: is.done.result });
      return endedAs(followerOf(given, is.id, now), end, now);
    }
    if (is?.leader !== undefined && is.id === record.id) return record;
    const leader = is?.leader === undefined ? "gone" : await lookAt(deps, is.leader);
    if (typeof leader === "object") {
      // Its followers, and what it has done once, come before another may lead.
      await endIdentity(deps, leader, key);
      continue;
    }
    if (is === undefined || leader === "gone") {
      const leads: IdentityRecord = { v: 1, id: record.id, leader: record, followers: [] };
      if (await write(deps, key, leads, revision)) return record;
      continue;
    }
    const follower = followerOf(given, is.id, now);
    const others = is.followers.filter(({ id }) => id !== follower.id);
    if (others.length >= MAX_FOLLOWERS)
      throw new RefusedError(
        "queue_full",
        `${String(MAX_FOLLOWERS)} wait for an action of kind '${given.kind}' already`,
      );
    if (await write(deps, key, { ...is, followers: [...others, follower] }, revision)) return follower;
  }
  throw new RefusedError("conflict", "many ask for the same at the same time; ask again");
}

async function write(
  deps: Deps,
  key: string,
  next: IdentityRecord,
  revision: number,
  ttlMs?: number,
): Promise<boolean> {
  const text = JSON.stringify(next);
  if (text.length > MAX_ACTION_BYTES)
    throw new RefusedError("queue_full", "what waits for the same action is too large");
  const written = await deps.store.identities.swap(key, next, revision, {
    point: "identity.write",
    text,
    ...(ttlMs === undefined ? {} : { ttlMs }),
  });
  return written.kind === "written";
}

/** How one that leads is: its record where it has ended. One that was never made is made. */
async function lookAt(deps: Deps, leader: ActionRecord): Promise<"open" | "gone" | ActionRecord> {
  const stored = await deps.store.actions.get(leader.id);
  if (stored.kind === "record") return stored.value.outcome === undefined ? "open" : stored.value;
  if (stored.kind !== "absent") return "gone";
  const ended = await beginAction(deps, leader, JSON.stringify(leader));
  if (ended !== undefined) deps.settleLater(ended);
  return ended?.record ?? "open";
}

function endedAs(follower: ActionRecord, end: Ending, now: number): ActionRecord {
  const note = { ...end, of: "leader" as const, leader: follower.follows ?? "" };
  const decision = decideAction(follower, { type: "noted", note }, now);
  return decision.kind === "write" ? decision.next : follower;
}

/** Ends all that follow one that has ended; then nobody leads, or what it did stands for ever. */
export async function endIdentity(deps: Deps, record: ActionRecord, key: string): Promise<void> {
  const { id, kind, result } = record;
  const end = endingOf(record);
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.identities.get(key);
    // Another leads by now, or it is over.
    if (stored.kind !== "record" || stored.value.id !== id || stored.value.leader === undefined) return;
    const { followers } = stored.value;
    for (const follower of followers) await endFollower(deps, follower, end, id);
    const isDone = end.outcome === "SUCCESS" && (await deps.kinds.registered(kind))?.once === true;
    const over: IdentityRecord = {
      ...{ v: 1, id, followers: [] },
      ...(isDone ? { done: result === undefined ? {} : { result } } : {}),
    };
    // Lost where another has joined meanwhile, who is to be told as well.
    if (await write(deps, key, over, stored.revision, isDone ? undefined : OVER_MS)) return;
  }
}

async function endFollower(deps: Deps, follower: ActionRecord, end: Ending, leader: string): Promise<void> {
  const noted = await noteAction(deps, follower.id, { ...end, of: "leader", leader });
  if (noted !== "unknown") return;
  // Whoever is making it finds it ended.
  const ended = endedAs(follower, end, deps.clock.now());
  const written = await deps.store.actions.swap(follower.id, ended, 0, { point: "action.make" });
  if (written.kind === "written") deps.settleLater({ record: ended, revision: written.revision });
  else await noteAction(deps, follower.id, { ...end, of: "leader", leader });
}
