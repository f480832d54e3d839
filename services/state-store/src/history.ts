import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  type ActionRecord,
  HISTORY_WINDOW_MS,
  type HistoryEntry,
  type ToldMessage,
} from "@jetmesh/protocol";
import { type Refusal } from "@jetmesh/service-kit";
import { readStream, tell, writeRepeatable } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

type HistoryDeps = Pick<Deps, "connection" | "names" | "clock">;

/**
 * One message per closed action. Made again within the stream's duplicate window it has the same message id; after
 * that, which only repair comes to, the stream is asked first.
 */
export async function writeClosed(deps: HistoryDeps, record: ActionRecord): Promise<void> {
  const { names } = deps;
  const endedAt = record.endedAt === undefined ? 0 : Date.parse(record.endedAt);
  if (deps.clock.now() - endedAt > HISTORY_WINDOW_MS / 2 && (await isInHistory(deps, record, endedAt)))
    return;
  const entry: HistoryEntry = {
    v: 1,
    what: "closed",
    id: record.id,
    at: toInstant(deps.clock.now()),
    user: record.user,
    kind: record.kind,
    attempt: record.attempt,
    transitions: record.transitions,
    ...(record.jet === undefined ? {} : { jet: record.jet }),
    ...(record.template === undefined ? {} : { template: record.template }),
    ...(record.definition.jetAction === undefined ? {} : { action: record.definition.jetAction.reference }),
    ...(record.trigger === undefined ? {} : { trigger: record.trigger }),
    ...(record.outcome === undefined ? {} : { outcome: record.outcome }),
    ...(record.error === undefined ? {} : { error: record.error }),
  };
  await writeRepeatable(deps.connection, names.history.of(record.jet ?? record.kind), JSON.stringify(entry), {
    point: "history.closed",
    messageId: record.id,
  });
}

async function isInHistory(
  { connection, names }: HistoryDeps,
  record: ActionRecord,
  since: number,
): Promise<boolean> {
  let found = false;
  const from = { since: new Date(since - 60_000), most: 100_000 };
  await readStream(
    connection,
    names.streams.history,
    names.history.of(record.jet ?? record.kind),
    from,
    (message) => {
      const entry = message.json<Partial<HistoryEntry>>();
      found ||= entry.what === "closed" && entry.id === record.id;
      return found ? "enough" : "more";
    },
  );
  return found;
}

/** A result that was not applied, for its holder's claim had been taken over. */
export async function writeLate(
  deps: HistoryDeps,
  record: ActionRecord,
  late: { readonly runner: string; readonly nonce: string; readonly state: string },
): Promise<void> {
  const entry: HistoryEntry = {
    v: 1,
    what: "late",
    id: record.id,
    at: toInstant(deps.clock.now()),
    user: record.user,
    kind: record.kind,
    attempt: record.attempt,
    late: { runner: late.runner, state: late.state },
    ...(record.jet === undefined ? {} : { jet: record.jet }),
  };
  await writeRepeatable(
    deps.connection,
    deps.names.history.of(record.jet ?? record.kind),
    JSON.stringify(entry),
    { point: "history.late", messageId: `${record.id}.late.${late.nonce}` },
  );
}

/** A trigger that was refused: who, what, and why. */
export async function writeRefused(
  deps: HistoryDeps,
  asked: Pick<AcceptedTrigger, "id" | "user" | "action" | "trigger">,
  jet: string,
  refusal: Refusal,
): Promise<void> {
  const entry: HistoryEntry = {
    v: 1,
    what: "refused",
    id: asked.id,
    at: toInstant(deps.clock.now()),
    user: asked.user,
    jet,
    action: asked.action,
    trigger: asked.trigger,
    refusal: { code: refusal.code, message: refusal.message },
  };
  await writeRepeatable(deps.connection, deps.names.history.of(jet), JSON.stringify(entry), {
    point: "history.refused",
    messageId: `${asked.id}.refused`,
  });
}

/** Tells the gateway whose caller waits; a hint, for the caller can always ask by id. */
export function tellCaller(
  deps: Pick<Deps, "connection" | "names">,
  gateway: string | undefined,
  message: ToldMessage,
): void {
  if (gateway !== undefined)
    tell(deps.connection, deps.names.svc.ofInstance("gateway", gateway, "told"), message);
}
