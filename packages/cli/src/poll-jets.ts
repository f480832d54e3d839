import { setTimeout as sleep } from "node:timers/promises";
import { type MeshClient, MeshError } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { ensureError, type Follower } from "@jetmesh/storage";
import { progressLines } from "./action-progress.ts";
import type { JetWatch } from "./follow-jet.ts";
import { jetChanges } from "./jet-changes.ts";
import { listAll } from "./pages.ts";

const LOOK_EVERY_MS = 250;
/** More jets than anybody watches line by line. */
const MOST_JETS = 10_000;

/** As `followJets`, for who may not read the buckets: asks the API again and again, and sees what that user may see. */
export function pollJets(client: MeshClient, watch: JetWatch): Follower {
  const records = new Map<string, JetRecord>();
  const look = async (isFirst: boolean): Promise<void> => {
    const found = watch.jet === undefined ? await allJets(client) : await oneJet(client, watch.jet);
    for (const record of found) {
      const before = records.get(record.reference);
      records.set(record.reference, record);
      if (isFirst) watch.onPresent?.(record);
      else for (const change of jetChanges(before, record)) watch.onChange(change);
    }
    const there = new Set(found.map(({ reference }) => reference));
    for (const reference of records.keys()) if (!there.has(reference)) records.delete(reference);
  };
  return poll(look, watch.onProblem);
}

/** Shows how one action goes on, as `progressLines` tells it. */
export function pollAction(client: MeshClient, id: string, line: (text: string) => void): Follower {
  let before: ActionRecord | undefined;
  return poll(async () => {
    const record = await orUndefined(client.request<ActionRecord>("action.get", { id }));
    if (record === undefined) return;
    progressLines(before, record).forEach(line);
    before = record;
  });
}

function poll(look: (isFirst: boolean) => Promise<void>, onProblem?: (problem: string) => void): Follower {
  const stopping = new AbortController();
  let isReady = false;
  // One look after another, so that none sees what is older than what the one before it saw.
  let last: Promise<void> = Promise.resolve();
  const next = (): Promise<void> =>
    (last = last
      .then(() => look(!isReady))
      .then(
        () => void (isReady = true),
        (thrown: unknown) => onProblem?.(ensureError(thrown).message),
      ));
  const ready = next();
  const run = async (): Promise<void> => {
    const isStopped = (): boolean => stopping.signal.aborted;
    while (!isStopped()) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (!isStopped()) await next();
    }
  };
  const running = run();
  return {
    ready,
    get isReady() {
      return isReady;
    },
    catchUp: async () => {
      await next();
      return isReady;
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

const oneJet = async (client: MeshClient, reference: string): Promise<JetRecord[]> => {
  const record = await orUndefined(client.request<JetRecord>("jet.get", { reference }));
  return record === undefined ? [] : [record];
};

const allJets = async (client: MeshClient): Promise<readonly JetRecord[]> =>
  (await listAll<JetRecord>(client, "jet.list", {}, { limit: MOST_JETS, timeoutMs: undefined })).items;

/** What is not there, or not there for this user. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code.startsWith("unknown_")) return undefined;
    throw thrown;
  }
}
