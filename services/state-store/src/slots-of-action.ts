import { hash } from "node:crypto";
import { createRender, type TemplateValues, valuesOfAction } from "@jetmesh/flight-plan";
import type {
  ActionSlots,
  JetActionDefinition,
  JsonObject,
  LimitDefinition,
  PlanDefinition,
  SlotKey,
  Variables,
} from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";

/** What of an action decides for which slots it waits. */
interface Limited {
  readonly id: string;
  readonly user: string;
  readonly pool: string;
  readonly jetAction?: JetActionDefinition | undefined;
  readonly plan?: PlanDefinition | undefined;
  readonly jet?: string | undefined;
  readonly template?: string | undefined;
  readonly variables?: Variables | undefined;
  readonly argument: JsonObject;
}

/** Longer values are told apart, and shown as far as this. */
const MOST_SHOWN = 200;

/**
 * The slots that an action takes before it begins: of the limits that its jet action and its plan name, of those of its pool,
 * and of its plan itself. Told once, when it is made; how many there are is looked up each time. Undefined where it has none,
 * which costs neither a read nor a byte. Throws `TemplateError` where `per` of one cannot be rendered.
 */
export async function slotsOf(
  { definitions }: Pick<Deps, "definitions">,
  action: Limited,
): Promise<ActionSlots | undefined> {
  const { jetAction, plan, pool } = action;
  const all = definitions.limits();
  const areNamed = jetAction?.limits !== undefined || plan?.limits !== undefined;
  if (all.length === 0 && !areNamed && plan?.concurrency === undefined) return undefined;
  const ofPool = all.filter(({ pools }) => pools.includes(pool));
  const named = [...(jetAction?.limits ?? []), ...(plan?.limits ?? [])];
  const found = await Promise.all(named.map((reference) => definitions.limit(reference, false)));
  const limits = new Map(
    [...ofPool, ...found.filter((one) => one !== undefined)].map((one) => [one.reference, one]),
  );
  const values = valuesOfAction(action);
  const keys = [
    ...[...limits.values()].map((limit) => keyOf(limit, values)),
    ...(plan?.concurrency === undefined ? [] : [{ key: `plan.${plan.reference}` }]),
  ];
  // In one order everywhere: who has one slot and waits for the next never waits for one that waits for it.
  return keys.length === 0 ? undefined : { keys: keys.toSorted((a, b) => (a.key < b.key ? -1 : 1)) };
}

function keyOf({ reference, per }: LimitDefinition, values: TemplateValues): SlotKey {
  const key = `limit.${reference}`;
  if (per === undefined) return { key };
  const value = createRender(values)(`limit '${reference}'`, per);
  return {
    key: `${key}.${hash("sha256", value, "hex").slice(0, 26)}`,
    value: value.slice(0, MOST_SHOWN),
  };
}
