import { randomUUID } from "node:crypto";
import {
  ACTION_HEADERS,
  type AccessCheck,
  type ActionCommand,
  type ActionRecord,
  type ActionView,
  type ApprovedStep,
  type ChangedAction,
  type CreatedAction,
  LOG_HEADERS,
  type LogsReply,
  type RequestOf,
  type SignaledAction,
  type SvcRequest,
} from "@jetmesh/protocol";
import { actionIdOfKey, askAccess, askOneAccess, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { readStream, scan } from "@jetmesh/storage";
import { askAndWait, endOf } from "./ask-and-wait.ts";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { placeOf } from "./limit-endpoints.ts";
import { collect, type Page } from "./pages.ts";
import { isUnserved } from "./unserved.ts";
import { HIDDEN_KEY, onlyOne, seenRuns } from "./views.ts";

/** A run of a jet goes with the jet and the jet action, any other with who asked for it. */
export function readCheck(
  user: string,
  { jet, incarnation, definition, user: owner }: ActionRecord,
): AccessCheck {
  const { jetAction } = definition;
  if (jet === undefined || jetAction === undefined) return { operation: "run.read", user, owner };
  const { reference: action, accessLevel } = jetAction;
  return {
    operation: "run.read",
    user,
    owner,
    of: { jet, incarnation: incarnation ?? 0, action, accessLevel },
  };
}

const unknownRun = (id: string): RefusedError => new RefusedError("unknown_run", `there is no action ${id}`);

export async function getAction(deps: GatewayDeps, user: string, id: string): Promise<ActionView> {
  const record = await readAction(deps, user, id);
  const seen = onlyOne(await seenRuns(deps, user, [record]));
  const view: ActionView = (await isUnserved(deps, record)) ? { ...seen, unserved: true } : seen;
  const place =
    view.slots === undefined || view.slots.granted !== undefined ? undefined : await placeOf(deps, view);
  if (place === undefined || view.slots === undefined) return view;
  // Of a plan that is hidden it says as much as its record does.
  const { keys } = view.slots;
  const key =
    keys.find((one) => one.key === place.key)?.key ?? keys.find((one) => one.key === HIDDEN_KEY)?.key;
  return key === undefined ? view : { ...view, place: { ...place, key } };
}

/** The record of an action that the user may read. */
export async function readAction(deps: GatewayDeps, user: string, id: string): Promise<ActionRecord> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind === "unreadable")
    throw new Error(`the record of action ${id} cannot be read: ${stored.why}`);
  if (stored.kind !== "record") throw unknownRun(id);
  const verdict = await askOneAccess(deps, readCheck(user, stored.value));
  if (!verdict.allow) throw unknownRun(id);
  return stored.value;
}

export function listActions(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"action.list">,
): Promise<Page<ActionRecord>> {
  const { names, store, connection } = deps;
  return collect(request, {
    shards: names.shards,
    read: (cursor, most, visit) => scan(connection, names, names.buckets.actions, { cursor, most }, visit),
    parse: (change) => {
      if (request.jet !== undefined && change.header(ACTION_HEADERS.jet) !== request.jet) return undefined;
      const stored = store.actions.parse(change.data);
      return stored.kind === "record" ? stored.value : undefined;
    },
    allow: async (found) => {
      const answers = await askAccess(
        deps,
        found.map((record) => readCheck(user, record)),
      );
      return answers.map(({ allow }) => allow);
    },
    show: (found) => seenRuns(deps, user, found),
  });
}

export async function createAction(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"action.create">,
): Promise<CreatedAction> {
  await mustBeAllowed(deps, { operation: "run.create", user, kind: request.kind });
  const verb = "state-store.action-create";
  return askAndWait(
    deps,
    user,
    request,
    (key) => actionIdOfKey(user, key, "action", request.kind),
    (handed) => handOver<CreatedAction, typeof verb>(deps, verb, { ...handed, request }),
    (made, told) => ({ ...made, ...endOf(told) }),
  );
}

/** A runner that is dead is known to be so after some seconds, and what it ran has ended after some more. */
const CHANGE_MS = 30_000;

/** Whoever may read an action's run and change it. */
async function mustMayChange(deps: GatewayDeps, user: string, id: string): Promise<void> {
  const record = await readAction(deps, user, id);
  await mustBeAllowed(deps, { ...readCheck(user, record), operation: "run.change" } as AccessCheck);
}

/** Has an action changed, and shows it as it is then. */
async function changed<V extends "state-store.action-change" | "state-store.action-rollback">(
  deps: GatewayDeps,
  verb: V,
  request: SvcRequest<V>,
): Promise<ChangedAction> {
  await mustMayChange(deps, request.user, request.id);
  const reply = await handOver<ChangedAction, V>(deps, verb, request, undefined, CHANGE_MS);
  return { ...reply, action: onlyOne(await seenRuns(deps, request.user, [reply.action])) };
}

/** Pauses, resumes or cancels. */
export const changeAction =
  (command: ActionCommand) =>
  (
    deps: GatewayDeps,
    user: string,
    { id, force }: { readonly id: string; readonly force?: boolean | undefined },
  ): Promise<ChangedAction> =>
    changed(deps, "state-store.action-change", {
      ...{ v: 1, user, id, command },
      ...(force === undefined ? {} : { force }),
    });

/** Has undone what an action did; it is under way when this answers. */
export const rollbackAction = (
  deps: GatewayDeps,
  user: string,
  { id, force }: RequestOf<"action.rollback">,
): Promise<ChangedAction> =>
  changed(deps, "state-store.action-rollback", {
    ...{ v: 1, user, id },
    ...(force === undefined ? {} : { force }),
  });

/** Says something to an action that waits for it, or will. */
export async function signalAction(
  deps: GatewayDeps,
  user: string,
  { id, name, payload, key = randomUUID() }: RequestOf<"action.signal">,
): Promise<SignaledAction> {
  await mustMayChange(deps, user, id);
  const signal = { id: `${user}.${key}`, name, ...(payload === undefined ? {} : { payload }) };
  const verb = "state-store.action-signal";
  await handOver<object, typeof verb>(deps, verb, { v: 1, user, id, signal }, undefined, CHANGE_MS);
  return { id, name };
}

/** Answers a step that waits for a person; whoever may read the run may try. */
export async function approveStep(
  deps: GatewayDeps,
  user: string,
  { id, step, approved, comment }: RequestOf<"action.approve">,
): Promise<ApprovedStep> {
  await readAction(deps, user, id);
  const verb = "state-store.approve";
  const asked = { v: 1, user, id, approved, comment, ...(step === undefined ? {} : { step }) } as const;
  return handOver<ApprovedStep, typeof verb>(deps, verb, asked, undefined, CHANGE_MS);
}

/** What steps printed, from after a place on; `next` is the place to go on from, also where nothing is there yet. */
export async function getLogs(
  deps: GatewayDeps,
  user: string,
  { id, after, limit }: RequestOf<"action.logs">,
): Promise<LogsReply> {
  await readAction(deps, user, id);
  const items: LogsReply["items"] = [];
  let size = 0;
  let next = after;
  await readStream(
    deps.connection,
    deps.names.streams.logs,
    deps.names.log.of(id),
    { cursor: after, most: limit },
    (message) => {
      const { headers } = message;
      items.push({
        seq: message.seq,
        step: headers?.get(LOG_HEADERS.step) ?? "",
        stream: headers?.get(LOG_HEADERS.stream) ?? "",
        at: headers?.get(LOG_HEADERS.at) ?? "",
        data: Buffer.from(message.data).toString("base64"),
      });
      next = message.seq;
      size += message.data.length;
      // A reply must stay well below what the broker lets through.
      return size > 256 * 1024 ? "enough" : "more";
    },
  );
  return { items, next };
}
