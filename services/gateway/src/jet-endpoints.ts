import { randomUUID } from "node:crypto";
import {
  definitionKey,
  type JetActionDefinition,
  type JetRecord,
  type RequestOf,
  type TriggerReply,
} from "@jetmesh/protocol";
import { actionIdOfKey, askAccess, askOneAccess, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { collect, type Page } from "./pages.ts";

export async function createJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.create">,
): Promise<TriggerReply> {
  const idOf = (key: string): string => actionIdOfKey(user, key, "create", request.reference ?? "");
  return triggering(deps, user, request, idOf, (handed) =>
    handOver<TriggerReply, "state-store.jet-create">(deps, "state-store.jet-create", { ...handed, request }),
  );
}

export async function triggerJet(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.trigger">,
): Promise<TriggerReply> {
  const { jet, action } = request;
  const answer = await askOneAccess(deps, { operation: "trigger", user, jet, action });
  // A denial goes the same way: whoever writes the history answers it.
  const denied = answer.allow ? {} : { denied: { code: answer.code, message: answer.message } };
  const idOf = (key: string): string => actionIdOfKey(user, key, "trigger", jet);
  return triggering(deps, user, request, idOf, (handed) =>
    handOver<TriggerReply, "state-store.jet-trigger">(deps, "state-store.jet-trigger", {
      ...handed,
      ...denied,
      request,
    }),
  );
}

interface HandedOver {
  readonly v: 1;
  readonly user: string;
  readonly key: string;
  readonly keyed: boolean;
  readonly tell?: string;
}

/** A request without a key of the caller's gets one here: handed over twice, it is still one request. */
async function triggering(
  deps: GatewayDeps,
  user: string,
  request: { readonly key?: string | undefined; readonly wait: boolean; readonly timeoutMs: number },
  idOf: (key: string) => string,
  hand: (handed: HandedOver) => Promise<TriggerReply>,
): Promise<TriggerReply> {
  const key = request.key ?? randomUUID();
  const base = { v: 1, user, key, keyed: request.key !== undefined } as const;
  if (!request.wait) return hand(base);
  const wait = deps.waits.begin(idOf(key), request.timeoutMs);
  try {
    const reply = await hand({ ...base, tell: deps.instance });
    const told = await wait.ended;
    const { state: _state, ...rest } = reply;
    return {
      ...rest,
      outcome: told.outcome,
      ...(told.jetState === undefined ? {} : { state: told.jetState }),
      ...(told.result === undefined ? {} : { result: told.result }),
      ...(told.error === undefined ? {} : { error: told.error }),
    };
  } finally {
    wait.cancel();
  }
}

export async function getJet(deps: GatewayDeps, user: string, reference: string): Promise<JetRecord> {
  await mustBeAllowed(deps, { operation: "jet.read", user, jet: reference });
  const stored = await deps.store.jets.get(reference);
  if (stored.kind !== "record" || stored.value.destroyedAt !== undefined)
    throw new RefusedError("unknown_jet", `there is no jet '${reference}'`);
  return stored.value;
}

export function listJets(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"jet.list">,
): Promise<Page<JetRecord>> {
  const { names, store, connection } = deps;
  return collect(request, {
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
  });
}

/** The actions that begin in the jet's state and that the caller may trigger, best first. */
export async function listJetActions(
  deps: GatewayDeps,
  user: string,
  reference: string,
): Promise<Page<JetActionDefinition>> {
  const jet = await getJet(deps, user, reference);
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
  return { items: beginning.filter((_, index) => answers[index]?.allow === true) };
}
