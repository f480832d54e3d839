import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createMeshStore, type Follower, follow } from "@jetmesh/storage";
import { progressLines } from "./action-progress.ts";
import { followJets } from "./follow-jet.ts";
import { formatJetChange, type JetChange, jetChanges } from "./jet-changes.ts";

/** What happens to one action and its jet, line by line, for as long as somebody waits. */
export interface Timeline {
  /** Shows what is written by now, then stops. */
  finish(): Promise<void>;
}

const CATCH_UP_MS = 2_000;

/** Nothing hangs on it: who may not read the buckets waits without it. */
export async function startTimeline(
  client: MeshClient,
  given: {
    readonly actionId: string;
    readonly jet?: string | undefined;
    readonly line: (text: string) => void;
  },
): Promise<Timeline> {
  const { connection, names } = client;
  const { actionId, line } = given;
  const store = createMeshStore(connection, names);
  const followers: Follower[] = [];

  const tell = (change: JetChange): void => {
    if (change.actionId === actionId) line(formatJetChange(change));
  };
  const followJet = (jet: string): Follower => {
    const onPresent = (record: JetRecord): void => jetChanges(undefined, record).forEach(tell);
    const follower = followJets(client, { jet, onPresent, onChange: tell });
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

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
