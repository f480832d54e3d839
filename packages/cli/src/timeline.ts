import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createMeshStore, type Follower, follow } from "@jetmesh/storage";
import { progressLines } from "./action-progress.ts";
import { followJets, mayReadBuckets } from "./follow-jet.ts";
import { formatJetChange, type JetChange, jetChanges } from "./jet-changes.ts";
import { pollAction, pollJets } from "./poll-jets.ts";

/** What happens to one action and its jet, line by line, for as long as somebody waits. */
export interface Timeline {
  /** Shows what is written by now, then stops. */
  finish(): Promise<void>;
}

const CATCH_UP_MS = 2_000;

interface Told {
  readonly actionId: string;
  readonly jet?: string | undefined;
  readonly line: (text: string) => void;
}

/** Nothing hangs on it. Who may not read the buckets sees it by the API, in steps. */
export async function startTimeline(client: MeshClient, given: Told): Promise<Timeline> {
  if (!(await mayReadBuckets(client))) return pollTimeline(client, given);
  const { connection } = client;
  const { actionId, line } = given;
  const names = await Promise.race([
    client.meshNames().catch(() => undefined),
    timeout(CATCH_UP_MS).then(() => undefined),
  ]);
  if (names === undefined) return { finish: () => Promise.resolve() };
  const store = createMeshStore(connection, names);
  const followers: Follower[] = [];

  const tell = (change: JetChange): void => {
    if (change.actionId === actionId) line(formatJetChange(change));
  };
  const followJet = (jet: string): Follower => {
    const onPresent = (record: JetRecord): void => jetChanges(undefined, record).forEach(tell);
    const follower = followJets(client, names, { jet, onPresent, onChange: tell });
    followers.push(follower);
    return follower;
  };

  let before: ActionRecord | undefined;
  let isFollowingJet = given.jet !== undefined;
  const action = follow(connection, names, {
    bucket: names.buckets.actions,
    keys: actionId,
    onChange: ({ exists, data }) => {
      const stored = exists ? store.actions.parse(data) : undefined;
      if (stored?.kind !== "record") return;
      const { jet } = stored.value;
      if (!isFollowingJet && jet !== undefined) {
        isFollowingJet = true;
        followJet(jet);
      }
      progressLines(before, stored.value).forEach(line);
      before = stored.value;
    },
  });
  if (given.jet !== undefined) followJet(given.jet);
  followers.push(action);
  await Promise.race([Promise.all(followers.map(({ ready }) => ready)), timeout(CATCH_UP_MS)]);
  return {
    async finish() {
      // The action first: it may be what tells which jet to follow.
      await action.catchUp(CATCH_UP_MS);
      await Promise.all(followers.map((follower) => follower.catchUp(CATCH_UP_MS)));
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}

async function pollTimeline(client: MeshClient, { actionId, jet, line }: Told): Promise<Timeline> {
  const tell = (change: JetChange): void => {
    if (change.actionId === actionId) line(formatJetChange(change));
  };
  const onPresent = (record: JetRecord): void => jetChanges(undefined, record).forEach(tell);
  const followers = [
    ...(jet === undefined ? [] : [pollJets(client, { jet, onPresent, onChange: tell })]),
    pollAction(client, actionId, line),
  ];
  await Promise.all(followers.map(({ ready }) => ready));
  return {
    async finish() {
      for (const follower of followers) await follower.catchUp(CATCH_UP_MS);
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
