import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { actionIdOfKey } from "@jetmesh/service-kit";
import { allActions, allHistory, applyDocuments, eventually, loopDocuments } from "@jetmesh/testkit";
import { onTestFinished } from "vitest";

/** Triggers published one after another while something is done to the mesh, and what became of each; ends with its test. */
export interface Load {
  /** How many the broker has taken so far. */
  readonly accepted: number;
  /** Waits until so many more steps have run. */
  progress(steps: number, withinMs?: number): Promise<void>;
  /** Publishes no more; what was accepted goes on. */
  stop(): Promise<void>;
  /** Waits until each accepted trigger has ended, and gives what is wrong with any of them; nothing, in the end. */
  faults(withinMs?: number): Promise<string[]>;
}

/** So many are on their way at once. */
const AHEAD = 20;

export async function startLoad(client: MeshClient, { jets = 10, name = "load" } = {}): Promise<Load> {
  const dir = mkdtempSync(join(tmpdir(), "jm-load-"));
  const file = join(dir, "ran");
  await applyDocuments(client, loopDocuments([{ shell: `echo $JM_ACTION_ID >> ${file}` }], {}, name));
  const references = Array.from({ length: jets }, (_, number) => `${name}${String(number)}`);
  await Promise.all(
    references.map((reference) => client.request("jet.create", { template: name, reference, wait: true })),
  );
  const ran = (): string[] => {
    try {
      return readFileSync(file, "utf8").split("\n").filter(Boolean);
    } catch {
      return [];
    }
  };
  const accepted = new Set<string>();
  let goesOn = true;
  onTestFinished(() => {
    goesOn = false;
    rmSync(dir, { recursive: true, force: true });
  });

  const publish = async (): Promise<void> => {
    for (let number = 0; goesOn; number += 1) {
      const jet = references[number % jets] ?? "";
      const messageId = `${name}-${String(number)}`;
      // As a program would: the same message again until the broker has taken it.
      await eventually(
        "the broker to take a trigger",
        async () => {
          await client.publishTrigger(jet, "turn", { messageId, onBusy: "queue" });
          return true;
        },
        { withinMs: 60_000 },
      );
      accepted.add(actionIdOfKey(client.user, messageId, "trigger", jet));
      await eventually(
        "what was published before to run",
        () => (!goesOn || accepted.size - ran().length < AHEAD ? true : undefined),
        { withinMs: 60_000 },
      );
    }
  };
  const publishing = publish();
  // Told by `stop`.
  publishing.catch(() => undefined);

  return {
    get accepted() {
      return accepted.size;
    },
    async progress(steps, withinMs = 20_000) {
      const before = ran().length;
      await eventually(
        `${String(steps)} more steps to run`,
        () => (ran().length >= before + steps ? true : undefined),
        {
          withinMs,
          lastSeen: () => `${String(ran().length - before)} ran, ${String(accepted.size)} accepted`,
        },
      );
    },
    async stop() {
      goesOn = false;
      await publishing;
    },
    async faults(withinMs = 30_000) {
      let actions = new Map<string, ActionRecord>();
      const open = (): string[] =>
        [...accepted].filter((id) => actions.get(id)?.state !== "CLOSED").map((id) => whyOpen(id, actions));
      await eventually(
        "every accepted trigger to end",
        async () => {
          const all = await allActions(client.connection, client.names);
          actions = new Map(all.map((one) => [one.id, one]));
          return open().length === 0 ? true : undefined;
        },
        { withinMs, everyMs: 200, lastSeen: () => open().slice(0, 5) },
      );
      const history = await allHistory(client.connection, client.names);
      const closed = history.filter(({ what }) => what === "closed").map(({ id }) => id);
      const steps = ran();
      const faults = [...accepted].flatMap((id) => faultsOf(id, actions.get(id), steps, closed));
      return faults;
    },
  };
}

function whyOpen(id: string, actions: ReadonlyMap<string, ActionRecord>): string {
  const action = actions.get(id);
  if (action === undefined) return `${id} was never made`;
  return `${id} of ${action.jet ?? ""} is ${action.state}, held by ${action.claim?.runner ?? "nobody"}`;
}

function faultsOf(
  id: string,
  action: ActionRecord | undefined,
  steps: readonly string[],
  closed: readonly string[],
): string[] {
  const ran = steps.filter((one) => one === id).length;
  const told = closed.filter((one) => one === id).length;
  const faults: string[] = [];
  if (action?.outcome !== "SUCCESS")
    faults.push(`${id} ended ${action?.outcome ?? ""} ${action?.error?.code ?? ""}`);
  if (ran !== 1) faults.push(`${id} ran ${String(ran)} times`);
  if (told !== 1) faults.push(`${id} is ${String(told)} times in the history`);
  return faults;
}
