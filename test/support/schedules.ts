import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, HistoryEntry, ScheduleView } from "@jetmesh/protocol";
import { allActions, allHistory, applyDocuments, eventually } from "@jetmesh/testkit";

/** A kind that `scripted-runner.ts` registers, which ends at once. */
export const SCRIPTED = { kind: "scripted", argument: { file: "/dev/null" } };

/** A schedule that makes such actions, unless it is to do something else. */
export const scheduleDocument = (
  reference: string,
  rest: Record<string, unknown>,
): Record<string, unknown> => ({
  ...{ apiVersion: "jetmesh/v1", kind: "Schedule", reference },
  ...(rest["trigger"] === undefined ? { create: SCRIPTED } : {}),
  ...rest,
});

export const applySchedule = (
  client: MeshClient,
  reference: string,
  rest: Record<string, unknown>,
): Promise<void> => applyDocuments(client, [scheduleDocument(reference, rest)]);

const instantOf = (schedule: string, key: string | undefined): string | undefined =>
  key?.startsWith(`${schedule}@`) === true ? key.slice(schedule.length + 1) : undefined;

export interface FiredAction {
  /** When it fell due. */
  readonly at: string;
  readonly action: ActionRecord;
}

/** What a schedule has made so far, in the order in which it fell due; read without our services. */
export async function firingsOf(client: MeshClient, schedule: string): Promise<FiredAction[]> {
  const actions = await allActions(client.connection, client.names);
  return actions
    .flatMap((action) => {
      const at = action.trigger?.via === "schedule" ? instantOf(schedule, action.trigger.key) : undefined;
      return at === undefined ? [] : [{ at, action }];
    })
    .toSorted((one, other) => (one.at < other.at ? -1 : 1));
}

/** What the history says that a schedule did not do. */
export async function refusedOf(client: MeshClient, schedule: string): Promise<HistoryEntry[]> {
  const entries = await allHistory(client.connection, client.names);
  return entries.filter(
    ({ what, trigger }) => what === "refused" && instantOf(schedule, trigger?.key) !== undefined,
  );
}

export const untilFired = (
  client: MeshClient,
  schedule: string,
  least: number,
  withinMs = 20_000,
): Promise<FiredAction[]> =>
  eventually(
    `schedule ${schedule} to have made ${String(least)} actions`,
    async () => {
      const fired = await firingsOf(client, schedule);
      return fired.length >= least ? fired : undefined;
    },
    { withinMs, everyMs: 50 },
  );

export const viewOf = (client: MeshClient, reference: string): Promise<ScheduleView> =>
  client.request<ScheduleView>("schedule.get", { reference });

/** The instant that the broker keeps for a schedule; undefined where it keeps nothing. */
export async function armedFor(client: MeshClient, schedule: string): Promise<string | undefined> {
  const { streams, schedule: subjects } = client.names;
  const kept = await client.connection.jsm.streams.getMessage(streams.schedules, {
    last_by_subj: subjects.armed(schedule),
  });
  return kept?.json<{ at: string }>().at;
}
