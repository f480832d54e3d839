import {
  type AccessCheck,
  definitionKey,
  type JetActionDefinition,
  type JetRecord,
  type JetView,
  type RequestOf,
  type ToldMessage,
  type TriggerReply,
} from "@jetmesh/protocol";
import { actionIdOfKey, askAccess, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import { askAndWait, endOf, type HandedOver } from "./ask-and-wait.ts";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { collect, type Page } from "./pages.ts";
import { onlyOne, seenActions, seenJets } from "./views.ts";

export async function createJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.create">,
): Promise<TriggerReply> {
  const idOf = (key: string): string => actionIdOfKey(user, key, "create", request.reference ?? "");
  const verb = "state-store.jet-create";
  const hand = (handed: HandedOver): Promise<TriggerReply> =>
    handOver<TriggerReply, typeof verb>(deps, verb, { ...handed, request });
  return askAndWait(deps, user, request, idOf, hand, withEnd);
}

export async function triggerJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.trigger">,
): Promise<TriggerReply> {
  const { jet, action, force, variables } = request;
  const checks: AccessCheck[] = [{ operation: "trigger", user, jet, action }];
  if (force === true || variables !== undefined) checks.push({ operation: "jet.update", user, jet });
  const answer = (await askAccess(deps, checks)).find(({ allow }) => !allow);
  // A denial goes the same way: whoever writes the history answers it.
  const denied = answer?.allow === false ? { denied: { code: answer.code, message: answer.message } } : {};
  const idOf = (key: string): string => actionIdOfKey(user, key, "trigger", jet);
  const verb = "state-store.jet-trigger";
  const hand = (handed: HandedOver): Promise<TriggerReply> =>
    handOver<TriggerReply, typeof verb>(deps, verb, { ...handed, ...denied, request }, jet);
  return askAndWait(deps, user, request, idOf, hand, withEnd);
}

/** Where the jet was is of no use to who has waited: it says where it is. */
const withEnd = ({ state: _state, ...rest }: TriggerReply, told: ToldMessage): TriggerReply => ({
  ...rest,
  ...(told.jetState === undefined ? {} : { state: told.jetState }),
  ...endOf(told),
});

export async function updateJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.update">,
): Promise<JetView> {
  const { reference: jet } = request;
  await mustBeAllowed(deps, { operation: "jet.update", user, jet });
  const verb = "state-store.jet-update";
  const updated = await handOver<JetRecord, typeof verb>(deps, verb, { v: 1, user, request }, jet);
  return onlyOne(await seenJets(deps, user, [updated]));
}

export async function deleteJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.delete">,
): Promise<{ readonly reference: string }> {
  const { reference: jet } = request;
  await mustBeAllowed(deps, { operation: "jet.delete", user, jet });
  const verb = "state-store.jet-delete";
  return handOver<{ reference: string }, typeof verb>(deps, verb, { v: 1, user, request }, jet);
}

export async function getJet(deps: GatewayDeps, user: string, reference: string): Promise<JetView> {
  return onlyOne(await seenJets(deps, user, [await readJet(deps, user, reference)]));
}

async function readJet(deps: GatewayDeps, user: string, reference: string): Promise<JetRecord> {
  await mustBeAllowed(deps, { operation: "jet.read", user, jet: reference });
  const stored = await deps.store.jets.get(reference);
  if (stored.kind === "unreadable")
    throw new Error(`the record of jet '${reference}' cannot be read: ${stored.why}`);
  if (stored.kind !== "record" || stored.value.destroyedAt !== undefined)
    throw new RefusedError("unknown_jet", `there is no jet '${reference}'`);
  return stored.value;
}

export function listJets(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.list">,
): Promise<Page<JetView>> {
  const { names, store, connection } = deps;
  return collect<JetRecord, JetView>(request, {
    shards: names.shards,
    read: (cursor, most, visit) => scan(connection, names, names.buckets.jets, { cursor, most }, visit),
    parse: (change) => {
      const stored = store.jets.parse(change.data);
      if (stored.kind !== "record" || stored.value.destroyedAt !== undefined) return undefined;
      const { template, state } = stored.value;
      const isWanted =
        (request.template ?? template) === template &&
        (request.state === undefined || request.state === state);
      return isWanted ? stored.value : undefined;
    },
    allow: async (found) => {
      const answers = await askAccess(
        deps,
        found.map(({ reference }) => ({ operation: "jet.read", user, jet: reference })),
      );
      return answers.map(({ allow }) => allow);
    },
    show: (found) => seenJets(deps, user, found),
  });
}

/** The actions that begin in the jet's state and that the caller may trigger, best first. */
export async function listJetActions(
  deps: GatewayDeps,
  user: string,
  reference: string,
): Promise<Page<JetActionDefinition>> {
  const jet = await readJet(deps, user, reference);
  const stored = await deps.store.definitions.get(definitionKey("Template", jet.template));
  if (stored.kind !== "record" || stored.value.definition.kind !== "Template" || jet.open !== undefined)
    return { items: [] };
  const beginning = stored.value.definition.actions
    .filter(({ from }) => from === jet.state)
    .sort((a, b) => a.priority - b.priority || (a.reference < b.reference ? -1 : 1));
  const answers = await askAccess(
    deps,
    beginning.map(({ reference: action }) => ({ operation: "trigger", user, jet: reference, action })),
  );
  const allowed = beginning.filter((_, index) => answers[index]?.allow === true);
  return { items: await seenActions(deps, user, allowed) };
}
