import type {
  AcceptedTrigger,
  CanceledTrigger,
  ChangedAction,
  JetRecord,
  RequestOf,
} from "@jetmesh/protocol";
import { askAccess, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import { changeAction } from "./action-endpoints.ts";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";

interface Waiting {
  readonly jet: JetRecord;
  readonly trigger: AcceptedTrigger;
}

const cancelMade = changeAction("cancel");

/**
 * Cancels an action by its id. One that has a record is canceled by whoever may write that; one that has none may wait for its
 * jet, and is taken out of the queue, by who asked for it or a manager of the jet.
 */
export async function cancelAction(
  deps: GatewayDeps,
  user: string,
  { id, jet, force }: RequestOf<"action.cancel">,
): Promise<ChangedAction | CanceledTrigger> {
  if (await isMade(deps, id)) return cancelMade(deps, user, { id, force });
  const waiting = await findWaiting(deps, id, jet);
  if (waiting === undefined) {
    // Its turn may have come while the jets were looked through.
    if (await isMade(deps, id)) return cancelMade(deps, user, { id, force });
    throw unknownRun(id);
  }
  const { reference, template } = waiting.jet;
  const [read, action, manage] = await askAccess(deps, [
    { operation: "jet.read", user, jet: reference },
    { operation: "action.read", user, template, action: waiting.trigger.action },
    { operation: "jet.update", user, jet: reference },
  ]);
  if (read?.allow !== true || action?.allow !== true) throw unknownRun(id);
  if (waiting.trigger.user !== user && manage?.allow !== true)
    throw new RefusedError("forbidden", `another than '${user}' asked for action ${id}`);
  const verb = "state-store.waiting-cancel";
  await handOver<unknown, typeof verb>(deps, verb, { v: 1, user, jet: reference, id }, reference);
  return { id, jet: reference };
}

const unknownRun = (id: string): RefusedError => new RefusedError("unknown_run", `there is no action ${id}`);

const isMade = async ({ store }: GatewayDeps, id: string): Promise<boolean> =>
  (await store.actions.get(id)).kind === "record";

/** In the jet that is named; else in all of them, for nothing but the jet's own record knows what waits for it. */
async function findWaiting(
  { connection, names, store }: GatewayDeps,
  id: string,
  jet: string | undefined,
): Promise<Waiting | undefined> {
  const waitingIn = (record: JetRecord): Waiting | undefined => {
    const trigger = record.queue.find((one) => one.id === id && one.canceled === undefined);
    return trigger === undefined ? undefined : { jet: record, trigger };
  };
  if (jet !== undefined) {
    const stored = await store.jets.get(jet);
    return stored.kind === "record" ? waitingIn(stored.value) : undefined;
  }
  let found: Waiting | undefined;
  await scan(connection, names, names.buckets.jets, { most: Number.MAX_SAFE_INTEGER }, ({ data }) => {
    // Reading the record costs far more than looking for the id in it.
    if (!Buffer.from(data).includes(id)) return "more";
    const stored = store.jets.parse(data);
    if (stored.kind === "record") found = waitingIn(stored.value);
    return found === undefined ? "more" : "enough";
  });
  return found;
}
