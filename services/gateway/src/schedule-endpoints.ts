import {
  type CreatedAction,
  DEFINITION_KEYS,
  definitionKey,
  type Fired,
  type RequestOf,
  type ScheduleDefinition,
  type ScheduleView,
  type StoredDefinition,
  scheduleKey,
  type TriggerReply,
} from "@jetmesh/protocol";
import { askAccess, askSight, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import { createAction } from "./action-endpoints.ts";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { triggerJet } from "./jet-endpoints.ts";
import { collect, type Page } from "./pages.ts";
import { onlyOne } from "./views.ts";

interface Found {
  readonly definition: ScheduleDefinition;
  readonly owner: string | undefined;
}

const foundIn = ({ definition, owner }: StoredDefinition): Found | undefined =>
  definition.kind === "Schedule" ? { definition, owner } : undefined;

export async function getSchedule(deps: GatewayDeps, user: string, reference: string): Promise<ScheduleView> {
  return onlyOne(await seenSchedules(deps, user, [await readSchedule(deps, user, reference)]));
}

async function readSchedule(deps: GatewayDeps, user: string, reference: string): Promise<Found> {
  await mustBeAllowed(deps, { operation: "definition.read", user, kind: "Schedule", reference });
  const stored = await deps.store.definitions.get(definitionKey("Schedule", reference));
  const found = stored.kind === "record" ? foundIn(stored.value) : undefined;
  if (found === undefined) throw new RefusedError("unknown_schedule", `there is no schedule '${reference}'`);
  return found;
}

/**
 * With when each falls due next and how its last firing came out. Whoever may read it may read what it names; what its
 * owner was told at the firing may name more, and is for the owner.
 */
async function seenSchedules(
  deps: GatewayDeps,
  user: string,
  found: readonly Found[],
): Promise<ScheduleView[]> {
  if (found.length === 0) return [];
  const { managers } = await askSight(deps, user, {});
  return Promise.all(
    found.map(async ({ definition, owner }) => {
      const stored = await deps.store.schedules.get(scheduleKey(definition.reference));
      const { next, last } = stored.kind === "record" ? stored.value : {};
      return {
        ...definition,
        ...(owner === undefined || !managers ? {} : { owner }),
        ...(next === undefined ? {} : { next }),
        ...(last === undefined ? {} : { last: user === owner ? last : withoutMessage(last) }),
      };
    }),
  );
}

const withoutMessage = ({ message: _message, ...last }: Fired): Fired => last;

export function listSchedules(
  deps: GatewayDeps,
  user: string,
  request: RequestOf<"schedule.list">,
): Promise<Page<ScheduleView>> {
  const { names, store, connection } = deps;
  const keys = `${DEFINITION_KEYS.Schedule}.*`;
  return collect<Found, ScheduleView>(request, {
    read: (cursor, most, visit) =>
      scan(connection, names, names.buckets.definitions, { keys, cursor, most }, visit),
    parse: (change) => {
      const stored = store.definitions.parse(change.data);
      return stored.kind === "record" ? foundIn(stored.value) : undefined;
    },
    allow: async (found) => {
      const answers = await askAccess(
        deps,
        found.map(({ definition: { reference } }) => ({
          ...{ operation: "definition.read", user, kind: "Schedule", reference },
        })),
      );
      return answers.map(({ allow }) => allow);
    },
    show: (found) => seenSchedules(deps, user, found),
  });
}

/** Judged by the state-store, as an apply is. */
export function pauseSchedule(
  paused: boolean,
): (deps: GatewayDeps, user: string, request: { readonly reference: string }) => Promise<ScheduleView> {
  return async (deps, user, { reference }) => {
    const request = { v: 1, user, reference, paused } as const;
    await handOver<unknown, "state-store.schedule-pause">(deps, "state-store.schedule-pause", request);
    return getSchedule(deps, user, reference);
  };
}

/** Does now what the schedule does, as whoever asks: what they may not do themselves they may not have done. */
export async function runSchedule(
  deps: GatewayDeps,
  user: string,
  { reference, ...asked }: RequestOf<"schedule.run">,
): Promise<TriggerReply | CreatedAction> {
  const {
    definition: { trigger, create, overlap },
  } = await readSchedule(deps, user, reference);
  if (create !== undefined) return createAction(deps, user, { delays: {}, ...asked, ...create });
  if (trigger === undefined) throw new Error(`schedule '${reference}' does nothing`);
  const onBusy = overlap === "queue" ? ({ onBusy: "queue" } as const) : {};
  return triggerJet(deps, user, { ...asked, ...trigger, ...onBusy });
}
