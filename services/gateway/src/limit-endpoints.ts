import {
  type ActionRecord,
  DEFINITION_KEYS,
  definitionKey,
  type LimitDefinition,
  type LimitLook,
  type LimitView,
  type RequestOf,
  type SlotPlace,
  type SvcRequest,
} from "@jetmesh/protocol";
import { askAccess, askOneAccess, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { collect, type Page } from "./pages.ts";

const look = (
  deps: GatewayDeps,
  asked: Omit<SvcRequest<"state-store.limit-look">, "v">,
): Promise<LimitLook> =>
  handOver<LimitLook, "state-store.limit-look">(deps, "state-store.limit-look", { v: 1, ...asked });

/** With what goes on under it, and a page of its keys. What they stand for is shown to who may change the limit. */
export async function getLimit(
  deps: GatewayDeps,
  user: string,
  { reference, cursor, limit }: RequestOf<"limit.get">,
): Promise<LimitView> {
  await mustBeAllowed(deps, { operation: "definition.read", user, kind: "Limit", reference });
  const stored = await deps.store.definitions.get(definitionKey("Limit", reference));
  const found = stored.kind === "record" ? stored.value.definition : undefined;
  if (found?.kind !== "Limit") throw new RefusedError("unknown_limit", `there is no limit '${reference}'`);
  const change = { operation: "definition.write", user, kind: "Limit", reference } as const;
  const { allow } = await askOneAccess(deps, change);
  const page = cursor === undefined ? { limit } : { limit, cursor };
  const { limits, keys = [], cursor: next } = await look(deps, { references: [reference], ...page });
  const { running = 0, waiting = 0, retrying = 0 } = limits[0] ?? {};
  const shown = allow ? keys : keys.map(({ value: _value, ...one }) => one);
  const more = next === undefined ? {} : { cursor: next };
  return { ...found, slots: { running, waiting, retrying, keys: shown, ...more } };
}

export function listLimits(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"limit.list">,
): Promise<Page<LimitView>> {
  const { names, store, connection } = deps;
  const keys = `${DEFINITION_KEYS.Limit}.*`;
  return collect<LimitDefinition, LimitView>(request, {
    read: (cursor, most, visit) =>
      scan(connection, names, names.buckets.definitions, { keys, cursor, most }, visit),
    parse: ({ data }) => {
      const stored = store.definitions.parse(data);
      const found = stored.kind === "record" ? stored.value.definition : undefined;
      return found?.kind === "Limit" ? found : undefined;
    },
    allow: async (found) => {
      const answers = await askAccess(
        deps,
        found.map(({ reference }) => ({ operation: "definition.read", user, kind: "Limit", reference })),
      );
      return answers.map(({ allow }) => allow);
    },
    show: async (found) => {
      if (found.length === 0) return [];
      const { limits } = await look(deps, { references: found.map(({ reference }) => reference), limit: 0 });
      const counts = new Map(limits.map(({ reference, ...slots }) => [reference, slots]));
      return found.map((one) => {
        const slots = counts.get(one.reference);
        return slots === undefined ? one : { ...one, slots };
      });
    },
  });
}

/** Where an action that waits for a slot stands; undefined where nobody can say just now. */
export async function placeOf(deps: GatewayDeps, { id }: ActionRecord): Promise<SlotPlace | undefined> {
  const answer = await look(deps, { references: [], limit: 0, action: id }).catch(() => undefined);
  return answer?.place;
}
