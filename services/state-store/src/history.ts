import { toInstant } from "@jetmesh/lifecycle";
import {
  type AcceptedTrigger,
  type ActionRecord,
  HISTORY_WINDOW_MS,
  type HistoryEntry,
  SECRETS_KEY,
  type SealedSecret,
  type SecretScope,
  type SecretsKey,
  secretsOf,
  type ToldMessage,
} from "@jetmesh/protocol";
import { actionIdOfSecret, type Refusal } from "@jetmesh/service-kit";
import { readStream, tell, writeRepeatable } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

type HistoryDeps = Pick<Deps, "connection" | "names" | "clock">;

/**
 * One message per closed action. Made again within the stream's duplicate window it has the same message id; after
 * that, which only repair comes to, the stream is asked first.
 */
export async function writeClosed(deps: HistoryDeps, record: ActionRecord): Promise<void> {
  const endedAt = record.endedAt === undefined ? 0 : Date.parse(record.endedAt);
  if (
    deps.clock.now() - endedAt > HISTORY_WINDOW_MS / 2 &&
    (await inHistory(deps, record.jet ?? record.kind, { what: "closed", id: record.id }, endedAt)) !==
      undefined
  )
    return;
  await append(deps, "history.closed", record.jet ?? record.kind, record.id, {
    what: "closed",
    id: record.id,
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
  });
}

/** Whether the refusal of a trigger was written, by whoever had its message before. */
export const wasRefused = async (
  deps: Pick<HistoryDeps, "connection" | "names">,
  jet: string,
  id: string,
  since: number,
): Promise<boolean> => (await refusalBefore(deps, jet, id, since)) !== undefined;

/** The refusal that was written for a jet or a kind under an id. */
export const refusalBefore = async (
  deps: Pick<HistoryDeps, "connection" | "names">,
  thing: string,
  id: string,
  since: number,
): Promise<HistoryEntry["refusal"]> =>
  (await inHistory(deps, thing, { what: "refused", id }, since))?.refusal;

async function inHistory(
  { connection, names }: Pick<HistoryDeps, "connection" | "names">,
  thing: string,
  { what, id }: Pick<HistoryEntry, "what" | "id">,
  since: number,
): Promise<Partial<HistoryEntry> | undefined> {
  let found: Partial<HistoryEntry> | undefined;
  const from = { since: new Date(since - 60_000), most: 100_000 };
  await readStream(connection, names.streams.history, names.history.of(thing), from, (message) => {
    const entry = message.json<Partial<HistoryEntry>>();
    if (entry.what === what && entry.id === id) found = entry;
    return found === undefined ? "more" : "enough";
  });
  return found;
}

/** A result that was not applied, for its holder's claim had been taken over. */
export async function writeLate(
  deps: HistoryDeps,
  record: ActionRecord,
  late: { readonly runner: string; readonly nonce: string; readonly state: string },
): Promise<void> {
  await append(deps, "history.late", record.jet ?? record.kind, `${record.id}.late.${late.nonce}`, {
    what: "late",
    id: record.id,
    user: record.user,
    kind: record.kind,
    attempt: record.attempt,
    late: { runner: late.runner, state: late.state },
    ...(record.jet === undefined ? {} : { jet: record.jet }),
  });
}

/** How a rollback went; a failed one may be asked for again, and is then another entry. */
export async function writeRolledBack(deps: HistoryDeps, record: ActionRecord): Promise<void> {
  const { id, user, kind, attempt, jet, template, definition, rollbackError: error, transitions } = record;
  const at = transitions.findLast(({ to }) => to === "REVERTING")?.at ?? "";
  await append(deps, "history.rolled-back", jet ?? kind, `${id}.rolled-back.${at}`, {
    what: "rolled_back",
    ...{ id, user, kind, attempt, transitions },
    outcome: error === undefined ? "SUCCESS" : "ERROR",
    ...(error === undefined ? {} : { error }),
    ...(jet === undefined ? {} : { jet }),
    ...(template === undefined ? {} : { template }),
    ...(definition.jetAction === undefined ? {} : { action: definition.jetAction.reference }),
  });
}

/** A trigger that was refused: who, what, and why. */
export async function writeRefused(
  deps: HistoryDeps,
  asked: Pick<AcceptedTrigger, "id" | "user" | "action" | "trigger">,
  jet: string,
  refusal: Refusal,
): Promise<void> {
  await append(deps, "history.refused", jet, `${asked.id}.refused`, {
    what: "refused",
    id: asked.id,
    user: asked.user,
    jet,
    action: asked.action,
    trigger: asked.trigger,
    refusal: { code: refusal.code, message: refusal.message },
  });
}

/** A firing of a schedule that was refused or left out, of a jet or of a kind. */
export async function writeFiringRefused(
  deps: HistoryDeps,
  thing: string,
  asked: Pick<HistoryEntry, "id" | "user" | "trigger" | "jet" | "action" | "kind">,
  { code, message }: Refusal,
): Promise<void> {
  const refusal = { code, message };
  await append(deps, "history.refused", thing, `${asked.id}.refused`, { what: "refused", ...asked, refusal });
}

/** Who changed which secret of what, as which version; the same change again is one entry. */
export async function writeSecretChange(
  deps: HistoryDeps,
  what: "secret_set" | "secret_deleted",
  user: string,
  { jet, template }: SecretScope,
  { name, version, at }: SealedSecret,
): Promise<void> {
  const id = actionIdOfSecret(secretsOf({ jet, template }), name, version, at);
  await append(deps, "history.secret", jet ?? SECRETS, `${id}.${what}`, {
    ...{ what, id, user, secret: { name, version } },
    ...(jet === undefined ? {} : { jet }),
    ...(template === undefined ? {} : { template }),
  });
}

export async function writeSecretsKey(
  deps: HistoryDeps,
  user: string,
  { publicKey, at }: SecretsKey,
): Promise<void> {
  const id = actionIdOfSecret(SECRETS_KEY, publicKey, 0, at);
  await append(deps, "history.secret", SECRETS, `${id}.secrets_key`, { what: "secrets_key", id, user });
}

/** Where changes are that are of no jet. */
const SECRETS = "secrets";

type HistoryPoint =
  | "history.closed"
  | "history.late"
  | "history.refused"
  | "history.rolled-back"
  | "history.secret";

/** One entry on the subject of a jet or kind; written again under the same message id it stays one. */
async function append(
  { connection, names, clock }: HistoryDeps,
  point: HistoryPoint,
  thing: string,
  messageId: string,
  rest: Omit<HistoryEntry, "v" | "at">,
): Promise<void> {
  const entry: HistoryEntry = { v: 1, at: toInstant(clock.now()), ...rest };
  await writeRepeatable(connection, names.history.of(thing), JSON.stringify(entry), {
    point,
    messageId,
    batchable: names.streams.history,
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
