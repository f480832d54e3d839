import {
  ACTION_HEADERS,
  type AccessCheck,
  type ActionRecord,
  LOG_HEADERS,
  type LogsReply,
  type RequestOf,
} from "@jetmesh/protocol";
import { askAccess, RefusedError } from "@jetmesh/service-kit";
import { readStream, scan } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { collect, type Page } from "./pages.ts";

/** An action is read with its jet, or by who asked for it. */
const readCheck = (user: string, record: ActionRecord): AccessCheck =>
  record.jet === undefined
    ? { operation: "run.read", user, owner: record.user }
    : { operation: "jet.read", user, jet: record.jet };

const unknownRun = (id: string): RefusedError => new RefusedError("unknown_run", `there is no action ${id}`);

export async function getAction(deps: GatewayDeps, user: string, id: string): Promise<ActionRecord> {
  const stored = await deps.store.actions.get(id);
  if (stored.kind !== "record") throw unknownRun(id);
  if (!(await mayRead(deps, user, stored.value))) throw unknownRun(id);
  return stored.value;
}

/** Of a jet that is destroyed there is nobody left to ask but who asked for the action. */
async function mayRead(deps: GatewayDeps, user: string, record: ActionRecord): Promise<boolean> {
  const checks: AccessCheck[] = [
    readCheck(user, record),
    { operation: "run.read", user, owner: record.user },
  ];
  return (await askAccess(deps, checks)).some(({ allow }) => allow);
}

export function listActions(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"action.list">,
): Promise<Page<ActionRecord>> {
  const { names, store, connection } = deps;
  return collect(request, {
    read: (cursor, most, visit) => scan(connection, names, names.buckets.actions, { cursor, most }, visit),
    parse: (change) => {
      if (request.jet !== undefined && change.header(ACTION_HEADERS.jet) !== request.jet) return undefined;
      const stored = store.actions.parse(change.data);
      return stored.kind === "record" ? stored.value : undefined;
    },
    allow: async (found) => {
      const jets = await askAccess(
        deps,
        found.map((record) => readCheck(user, record)),
      );
      const own = await askAccess(
        deps,
        found.map((record) => ({ operation: "run.read", user, owner: record.user })),
      );
      return found.map((_, index) => jets[index]?.allow === true || own[index]?.allow === true);
    },
  });
}

/** What steps printed, from after a place on; `next` is the place to go on from, also where nothing is there yet. */
export async function getLogs(
  deps: GatewayDeps,
  user: string,
  { id, after, limit }: RequestOf<"action.logs">,
): Promise<LogsReply> {
  await getAction(deps, user, id);
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
