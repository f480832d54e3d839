import { decideAction, toInstant } from "@jetmesh/lifecycle";
import { ACTION_HEADERS, type Claim, JET_HEADERS } from "@jetmesh/protocol";
import { askHolder, judgeHolder } from "@jetmesh/service-kit";
import { type Change, follow } from "@jetmesh/storage";
import { advance } from "./advance.ts";
import { beginOpened, remakeAction } from "./begin-opened.ts";
import { remakeRollback } from "./begin-reverting.ts";
import type { Deps } from "./deps.ts";
import { createLeftConditions } from "./left-conditions.ts";
import { refuseWaiting, settleAction, settleTakenTwice } from "./settle.ts";

/**
 * Finishes what another state-store left (design §4, Repair), at start and every second: an open id without a
 * record is created, an outcome settled, an idle jet with a queue or a target moved on; and the start delays and
 * deadlines of actions that nobody holds. It follows headers only, acts on what has stood still for a while, and
 * judges everything again from the leader; so any number of state-stores may repair at once.
 */
interface SeenAction {
  readonly state: string;
  readonly expires: string | undefined;
  readonly since: number;
}
interface SeenJet {
  readonly open: string | undefined;
  readonly since: number;
}

const EVERY_MS = 1_000;
/** What is quick is over before it is looked at, and never seen here at all. */
const LOOK_MS = 500;
/** Younger than this is most likely being handled by whoever wrote it. */
const STILL_MS = 1_500;
/** At most so many repairs a round, so that a long outage is worked off in order and not all at once. */
const MOST_A_ROUND = 500;
const AT_ONCE = 16;
const TTL_HEADER = "Nats-TTL";
const ENDED: ReadonlySet<string> = new Set(["SUCCESS", "ERROR", "CLOSED", "REVERTED"]);

export interface Repair {
  readonly ready: Promise<void>;
  readonly openActions: number;
  stop(): Promise<void>;
}

/** Something else that is looked after in the same rounds. */
export interface LookedAfter {
  readonly isReady: boolean;
  /** What is to be done now; at most so many. */
  due(most: number): (() => Promise<void>)[];
}

export function startRepair(
  deps: Deps,
  isBusy: (actionId: string) => boolean,
  others: readonly LookedAfter[],
): Repair {
  const { connection, names, clock, log } = deps;
  const actions = new Map<string, SeenAction>();
  const jets = new Map<string, SeenJet>();
  const onProblem = (problem: string): void => log.warn({ problem }, "following");

  const onAction = (change: Change): void => {
    deps.slots.onAction(change);
    if (change.exists) deps.queues.see(change.header(ACTION_HEADERS.pool));
    const state = change.exists ? change.header(ACTION_HEADERS.state) : undefined;
    // How a rollback went is written without a TTL first, and to be settled.
    const isOver = (state === "CLOSED" || state === "REVERTED") && change.header(TTL_HEADER) !== undefined;
    if (state === undefined || isOver) actions.delete(change.key);
    else
      actions.set(change.key, {
        state,
        expires: change.header(ACTION_HEADERS.expires),
        since: performance.now(),
      });
  };
  const left = createLeftConditions(deps);
  const onJet = (change: Change): void => {
    left.onJet(change);
    const open = change.exists ? change.header(JET_HEADERS.open) : undefined;
    const waits = change.exists && change.header(JET_HEADERS.waits) !== undefined;
    if (open === undefined && !waits) jets.delete(change.key);
    else jets.set(change.key, { open, since: performance.now() });
  };
  const followers = [
    follow(connection, names, {
      bucket: names.buckets.actions,
      everyMs: LOOK_MS,
      headersOnly: true,
      onChange: onAction,
      onProblem,
    }),
    follow(connection, names, {
      bucket: names.buckets.jets,
      everyMs: LOOK_MS,
      headersOnly: true,
      onChange: onJet,
      onProblem,
    }),
  ];

  const round = async (): Promise<void> => {
    if (connection.connectedSince() === undefined || !followers.every(({ isReady }) => isReady)) return;
    const before = performance.now() - STILL_MS;
    const now = toInstant(clock.now());
    const tasks: (() => Promise<void>)[] = [];
    for (const [id, seen] of actions) {
      if (tasks.length >= MOST_A_ROUND) break;
      const isEnded = ENDED.has(seen.state);
      if (isEnded && seen.since < before && !isBusy(id)) tasks.push(() => settleLeft(deps, id));
      else if (!isEnded && seen.expires !== undefined && seen.expires <= now)
        tasks.push(() => expire(deps, id));
    }
    for (const [reference, seen] of jets) {
      if (tasks.length >= MOST_A_ROUND) break;
      if (seen.since >= before) continue;
      const { open } = seen;
      if (open === undefined) tasks.push(() => moveOn(deps, reference));
      else if (!actions.has(open)) tasks.push(() => remake(deps, reference, open));
    }
    tasks.push(...deps.queues.due(), ...left.due(), ...deps.slots.due((id) => actions.has(id)));
    for (const other of others) if (other.isReady) tasks.push(...other.due(MOST_A_ROUND));
    // Some side by side, for asking after a holder takes its time.
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
          await task().catch((thrown: unknown) => log.warn({ err: thrown }, "not repaired yet"));
        }
      }),
    );
  };

  let stopped = false;
  let running = Promise.resolve();
  const timer = setInterval(() => {
    // One round at a time: one that takes longer than its second delays the next.
    running = running
      .then(() => (stopped ? undefined : round()))
      .catch((thrown: unknown) => log.error({ err: thrown }, "repair failed"));
  }, EVERY_MS);

  return {
    ready: Promise.all(followers.map(({ ready }) => ready)).then(() => undefined),
    get openActions() {
      return actions.size;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}

async function settleLeft(deps: Deps, id: string): Promise<void> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind !== "record" || !ENDED.has(stored.value.state)) return;
  deps.log.info({ action: id }, "settling what was left");
  await settleAction(deps, { record: stored.value, revision: stored.revision });
}

/** The start delay or the deadline of an action has passed, and nobody who lives holds it. */
async function expire(deps: Deps, id: string): Promise<void> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind !== "record") return;
  const { claim } = stored.value;
  const holderDead = claim !== undefined && (await isSilent(deps, id, claim));
  const decision = decideAction(stored.value, { type: "expire", holderDead }, deps.clock.now());
  if (decision.kind !== "write") return;
  const written = await deps.store.actions.swap(id, decision.next, stored.revision, {
    point: "action.expire",
  });
  if (written.kind === "written" && decision.effects.some(({ type }) => type === "tell")) {
    await settleAction(deps, { record: decision.next, revision: written.revision });
  }
}

/** Known dead, or without an answer for five seconds: what it still writes is refused by its revision (design §2). */
async function isSilent(deps: Deps, id: string, claim: Claim): Promise<boolean> {
  const { runner, nonce } = claim;
  const answer = await askHolder(deps, runner, { v: 1, ask: "holding", id, nonce }, 5_000);
  if (answer === "nobody") return (await judgeHolder(deps, id, claim)) === "dead";
  return answer === "silent" || answer === "not_mine";
}

/** A jet that names an open action of which nothing is known: it was never made, or it is over and gone. */
async function remake(deps: Deps, reference: string, open: string): Promise<void> {
  const at = await deps.jets.load(reference, true);
  // Another one by now: whoever accepted it is making it.
  if (at?.jet.open?.id !== open) return;
  const stored = await deps.store.actions.get(at.jet.open.id);
  if (stored.kind === "record") {
    const { value: record, revision } = stored;
    if (await remakeRollback(deps, at.jet, { record, revision })) return;
    // Closed, and its jet does not know: settled from what the closed record says.
    if (record.outcome !== undefined) await settleAction(deps, { record, revision });
    return;
  }
  if (stored.kind === "gone") {
    deps.log.warn({ jet: reference, action: open }, "taking back an action that was over long ago");
    return settleTakenTwice(deps, at);
  }
  if (stored.kind !== "absent") return;
  deps.log.info({ jet: reference, action: at.jet.open.id }, "making an action that was left");
  await remakeAction(deps, at, await deps.definitions.template(at.jet.template, true));
}

/** An idle jet for which a target or a trigger waits. */
export async function moveOn(deps: Deps, reference: string): Promise<void> {
  await deps.lanes.run(reference, async () => {
    const at = await deps.jets.load(reference, true);
    if (at === undefined || at.jet.open !== undefined) return;
    const advanced = await advance(deps, { kind: "write", next: at.jet, effects: [] });
    if (advanced.next === at.jet) return;
    await refuseWaiting(deps, reference, advanced);
    const written = await deps.store.jets.swap(reference, advanced.next, at.revision, {
      point: "jet.move-on",
    });
    if (written.kind === "conflict") {
      deps.jets.drop(reference);
      return;
    }
    deps.jets.keep(reference, { jet: advanced.next, revision: written.revision });
    await beginOpened(deps, advanced, at.jet.incarnation);
  });
}
