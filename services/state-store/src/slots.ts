import { randomUUID } from "node:crypto";
import { toInstant } from "@jetmesh/lifecycle";
import {
  type JetRecord,
  MAX_LIMIT,
  type SlotsRecord,
  slotsKey,
  type TemplateDefinition,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { scanNewest } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { fence } from "./fence.ts";

export type SlotDeps = Pick<
  Deps,
  "store" | "clock" | "config" | "jets" | "connection" | "names" | "log" | "lanes"
>;
type Slot = SlotsRecord["slots"][number];

const MAX_TRIES = 50;

/**
 * A slot for a jet among the living ones of its template, taken before the jet's own write and after its key was read
 * (ADR 0026). Written also where the jet has one already: whoever is about to free it loses the race. False where the
 * limit is reached, once every owner has been asked after.
 */
export async function takeSlot(deps: SlotDeps, template: TemplateDefinition, jet: string): Promise<boolean> {
  if (template.limit === 0) return true;
  // One at a time in this process, so that only other processes are raced; no jet has such a name.
  return deps.lanes.run(slotsKey(template.reference), () => takeInTurn(deps, template, jet));
}

async function takeInTurn(deps: SlotDeps, template: TemplateDefinition, jet: string): Promise<boolean> {
  const key = slotsKey(template.reference);
  for (let tries = 0, asked = false; tries < MAX_TRIES; tries += 1) {
    const stored = await deps.store.slots.get(key);
    if (stored.kind === "unreadable") throw new Error(`the slots of '${template.reference}': ${stored.why}`);
    const isWhole = stored.kind === "record" && stored.value.isWhole;
    const slots = isWhole ? stored.value.slots : await livingJets(deps, template.reference);
    const others = slots.filter((slot) => slot.jet !== jet);
    if (others.length >= template.limit) {
      if (asked || !isWhole) return false;
      asked = true;
      await freeDead(deps, template.reference, () => true);
      continue;
    }
    const own: Slot = { jet, id: randomUUID(), at: toInstant(deps.clock.now()) };
    const expected = stored.kind === "absent" ? 0 : stored.revision;
    const written = await deps.store.slots.swap(
      key,
      { v: 1, isWhole: true, slots: [...others, own] },
      expected,
      {
        point: "slot.take",
      },
    );
    if (written.kind === "written") return true;
  }
  throw new RefusedError("conflict", `jets of '${template.reference}' are made too often just now`);
}

/** Those that were there before the template had a limit. */
async function livingJets({ connection, names, store, clock }: SlotDeps, template: string): Promise<Slot[]> {
  const found = await scanNewest(connection, names, names.buckets.jets, MAX_LIMIT * 2, ({ key, data }) => {
    const stored = store.jets.parse(data);
    const isLiving =
      stored.kind === "record" &&
      stored.value.template === template &&
      stored.value.destroyedAt === undefined;
    return isLiving ? { jet: key, id: "found", at: toInstant(clock.now()) } : undefined;
  });
  return [...found.values()];
}

/** At most so many owners are asked after at once. */
const AT_ONCE = 64;

/** Frees the slots of jets that are not there; `look` says which slots to look at. */
export async function freeDead(
  deps: SlotDeps,
  template: string,
  look: (slot: Slot) => boolean,
): Promise<void> {
  const stored = await deps.store.slots.get(slotsKey(template));
  if (stored.kind !== "record" || !stored.value.isWhole) return;
  const dead = new Set<string>();
  const looked = stored.value.slots.filter(look);
  for (let at = 0; at < looked.length; at += AT_ONCE) {
    await Promise.all(
      looked.slice(at, at + AT_ONCE).map(async ({ jet }) => {
        const is = await deps.store.jets.get(jet);
        const isThere =
          is.kind === "unreadable" ||
          (is.kind === "record" && is.value.destroyedAt === undefined && is.value.template === template);
        if (!isThere && (await fence(deps, jet, template, is))) dead.add(jet);
      }),
    );
  }
  if (dead.size === 0) return;
  const slots = stored.value.slots.filter(({ jet }) => !dead.has(jet));
  // A conflict: somebody took one meanwhile, maybe one of these; whoever comes next looks again.
  const next = { v: 1, isWhole: true, slots } as const;
  await deps.store.slots.swap(slotsKey(template), next, stored.revision, { point: "slot.free" });
}

/** After a jet is destroyed; a hint, for whoever finds the limit reached asks after every owner. */
export function freeSlotLater(
  deps: SlotDeps & Pick<Deps, "definitions">,
  { reference, template }: Pick<JetRecord, "reference" | "template">,
): void {
  const free = async (): Promise<void> => {
    const found = await deps.definitions.template(template, false);
    if (found === undefined || found.limit === 0) return;
    await freeDead(deps, template, ({ jet }) => jet === reference);
  };
  free().catch((thrown: unknown) =>
    deps.log.warn({ err: thrown, jet: reference }, "its slot is not freed yet"),
  );
}
