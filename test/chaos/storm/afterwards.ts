import { readFileSync } from "node:fs";
import type { MeshClient } from "@jetmesh/client";
import { type ActionRecord, queueOf } from "@jetmesh/protocol";
import { writeRepeatable } from "@jetmesh/storage";
import { allActions, allJets, eventually } from "@jetmesh/testkit";
import { holdersOf } from "../../support/limited-runs.ts";
import type { Asked } from "./load.ts";

/** How long a mesh that is left in peace may take to come to rest. */
const QUIET_MS = 90_000;

/** No trigger waits, no action is open, no jet is between two states, nobody has a slot. */
export async function quiet(client: MeshClient, say: (line: string) => void): Promise<void> {
  let last = "nothing";
  await eventually(
    "the mesh to be quiet",
    async () => {
      const [actions, jets] = [
        await allActions(client.connection, client.names),
        await allJets(client.connection, client.names),
      ];
      const open = actions.filter(({ state }) => state !== "CLOSED");
      const busy = jets.filter(
        (jet) => jet.open !== undefined || jet.queue.length > 0 || jet.target !== undefined,
      );
      const waiting = await Promise.all(
        [client.names.streams.triggers, client.names.streams.resume].map(
          async (stream) => (await client.connection.jsm.streams.info(stream)).state.messages,
        ),
      );
      const held = (await holdersOf(client)).size;
      last = `${String(open.length)} open, ${String(busy.length)} busy, ${waiting.join("+")} messages, ${String(held)} slots held`;
      const left = open.length + busy.length + held + waiting.reduce((sum, one) => sum + one, 0);
      return left === 0 ? true : undefined;
    },
    { withinMs: QUIET_MS, everyMs: 250, lastSeen: () => last },
  ).catch((thrown: unknown) => say(`it is not quiet: ${String(thrown)}`));
}

/**
 * Old triggers and old resumes, all of them long answered; none may run anything. A marker trigger behind them on
 * each jet says when they have been seen.
 */
export async function sendAgain(client: MeshClient, asked: readonly Asked[], file: string): Promise<number> {
  const before = readFileSync(file, "utf8").length;
  const actions = await allActions(client.connection, client.names);
  // Of what was accepted: what was refused may well be accepted now.
  const accepted = new Set(actions.map((one) => one.trigger?.key));
  for (const one of asked.filter(({ key, via }) => via === "stream" && accepted.has(key)).slice(-200)) {
    await client.publishTrigger(one.jet, one.action, { messageId: one.key });
  }
  for (const record of actions.slice(-200)) {
    const body = JSON.stringify({ v: 1, id: record.id, revision: 1, record: asItWas(record) });
    await writeRepeatable(client.connection, client.names.resume.of(queueOf(record), record.id), body, {
      point: "resume.send",
    });
  }
  await quiet(client, () => undefined);
  return readFileSync(file, "utf8").slice(before).split("\n").filter(Boolean).length;
}

/** As it was before anything ran, which is what its first resume carried. */
function asItWas(record: ActionRecord): Record<string, unknown> {
  const { outcome: _outcome, endedAt: _endedAt, error: _error, ...rest } = record;
  return { ...rest, state: "SLEEPING", attempt: 1, journal: [], transitions: record.transitions.slice(0, 1) };
}
