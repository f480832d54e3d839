import { decideJet, incarnationOf, toInstant } from "@jetmesh/lifecycle";
import {
  type HeldBy,
  type Hold,
  type JetRecord,
  MAX_HELD_BY,
  type Requirement,
  type TemplateDefinition,
} from "@jetmesh/protocol";
import { actionIdOfChild } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { fence } from "./fence.ts";
import { hopId } from "./hop-id.ts";

/** Who asks for a jet, and by which trigger. */
export interface Holder {
  readonly jet: string;
  readonly id: string;
}

const MAX_TRIES = 10;

/**
 * Takes hold of a required jet, before the holder's own write and after its record was read (ADR 0026): one entry in the
 * record that its stop and destroy test. Written also where the holder has it already, so that whoever is about to free it
 * loses the race. False where the jet is not at rest in the required state by now.
 */
export function takeHold(
  deps: Pick<Deps, "store" | "jets" | "clock" | "lanes">,
  required: string,
  requirement: Requirement,
  holder: Holder,
): Promise<boolean> {
  // One at a time in this process, so that only other processes are raced; no jet has such a name.
  return deps.lanes.run(`hold.${required}`, () => takeInTurn(deps, required, requirement, holder));
}

async function takeInTurn(
  deps: Pick<Deps, "store" | "jets" | "clock">,
  required: string,
  { template, state }: Requirement,
  holder: Holder,
): Promise<boolean> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const stored = await deps.store.jets.get(required);
    if (stored.kind !== "record") return false;
    const { value: jet, revision } = stored;
    const isThere = jet.destroyedAt === undefined && jet.open === undefined && jet.state === state;
    if (!isThere || jet.template !== template) return false;
    const next = heldBy(deps, jet, state, holder);
    if (next === undefined) return false;
    if (await write(deps, next, revision, "hold.take")) return true;
  }
  return false;
}

/**
 * Brings an idle jet to the state that is required of it, held from the start by who waits for it: once it is there nobody
 * stops it before that one has begun. By the mesh's own rights, for it is the template that requires it.
 */
export async function bringUp(
  deps: Pick<Deps, "store" | "jets" | "clock" | "config" | "moveOnLater">,
  required: string,
  { state }: Requirement,
  template: TemplateDefinition,
  holder: Holder,
): Promise<void> {
  const stored = await deps.store.jets.get(required);
  if (stored.kind !== "record") return;
  const { value: jet, revision } = stored;
  // Busy by now, or on its way: looked at again when the waiting trigger's turn comes.
  if (jet.open !== undefined || jet.target !== undefined || jet.queue.length > 0) return;
  const decision = decideJet(
    jet,
    {
      type: "target",
      // By the revision that it is written over: a jet that knows it was brought for this trigger before, and whose hold was
      // somebody else's since, is brought again, and then fails it for good (`standingOf`).
      id: actionIdOfChild(holder.id, `bring.${required}`, revision),
      state,
      user: deps.config.JM_ROOT_USER,
      trigger: { via: "target", key: holder.id },
      template,
    },
    deps.clock.now(),
  );
  if (decision.kind !== "write") return;
  const next = heldBy(deps, decision.next, state, holder);
  if (next !== undefined && (await write(deps, next, revision, "hold.take"))) deps.moveOnLater(required);
}

/** Takes out the other end of a hold that its owner has let go; one that was taken again since is another. */
export function releaseHold(
  deps: Pick<Deps, "store" | "jets" | "lanes">,
  owner: string,
  hold: Hold,
): Promise<void> {
  return deps.lanes.run(`hold.${hold.jet}`, () => releaseInTurn(deps, owner, hold));
}

async function releaseInTurn(
  deps: Pick<Deps, "store" | "jets">,
  owner: string,
  { jet: required, id }: Hold,
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const stored = await deps.store.jets.get(required);
    if (stored.kind !== "record") return;
    const { value: jet, revision } = stored;
    const isIt = (one: HeldBy): boolean => one.jet === owner && one.id === id;
    if (jet.heldBy?.some(isIt) !== true) return;
    const next = without(jet, (one) => isIt(one));
    if (await write(deps, next, revision, "hold.free")) return;
  }
}

/** Younger than this a hold may be waiting for its owner's own write. */
const YOUNG_MS = 5_000;

/** Frees what holds a jet and is in no record of its owner: whoever took it died, or thought better of it. */
export async function freeLeftHolds(
  deps: Pick<Deps, "store" | "jets" | "clock" | "config" | "log">,
  required: string,
): Promise<void> {
  const stored = await deps.store.jets.get(required);
  if (stored.kind !== "record") return;
  const { value: jet, revision } = stored;
  const before = toInstant(deps.clock.now() - YOUNG_MS);
  const left = new Set<HeldBy>();
  for (const hold of jet.heldBy ?? []) {
    if (hold.at > before) continue;
    const owner = await deps.store.jets.get(hold.jet);
    const isOwned =
      owner.kind === "unreadable" || (owner.kind === "record" && owns(owner.value, required, hold));
    if (!isOwned && (await fence(deps, hold.jet, jet.template, owner))) left.add(hold);
  }
  if (left.size === 0) return;
  deps.log.info({ jet: required, holds: left.size }, "freeing holds whose owners do not know of them");
  await write(
    deps,
    without(jet, (hold) => left.has(hold)),
    revision,
    "hold.free",
  );
}

/** It holds the jet, or a trigger of it waits until it may. */
const owns = (owner: JetRecord, required: string, { id }: HeldBy): boolean =>
  owner.destroyedAt === undefined &&
  ((owner.holds ?? []).some(({ jet }) => jet === required) ||
    owner.queue.some((waiting) => waiting.id === id) ||
    (owner.target !== undefined && hopId(owner.target) === id));

function heldBy(
  { clock }: Pick<Deps, "clock">,
  jet: JetRecord,
  state: string,
  { jet: by, id }: Holder,
): JetRecord | undefined {
  const others = (jet.heldBy ?? []).filter((one) => one.jet !== by);
  if (others.length >= MAX_HELD_BY) return undefined;
  return { ...jet, heldBy: [...others, { jet: by, state, id, at: toInstant(clock.now()) }] };
}

function without(jet: JetRecord, isOut: (hold: HeldBy) => boolean): JetRecord {
  const { heldBy: all = [], ...rest } = jet;
  const left = all.filter((hold) => !isOut(hold));
  return left.length === 0 ? rest : { ...rest, heldBy: left };
}

async function write(
  { store, jets }: Pick<Deps, "store" | "jets">,
  next: JetRecord,
  revision: number,
  point: "hold.take" | "hold.free",
): Promise<boolean> {
  const record = { ...next, incarnation: incarnationOf(next, revision) };
  const written = await store.jets.swap(next.reference, record, revision, { point });
  jets.drop(next.reference);
  return written.kind === "written";
}
