import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { KeySlots, LimitView, TriggerReply } from "@jetmesh/protocol";
import { scanNewest } from "@jetmesh/storage";
import {
  applyDocuments,
  type Document,
  eventually,
  loopDocuments,
  planDocument,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { linesOf } from "./lines-of.ts";
import { onlyWithFault } from "./required-jets.ts";

/** Jets whose turns say in a file when they begin and end, so that how many run at a time is seen from outside. */
export interface LimitedRuns {
  readonly folder: string;
  /** Jets of one template, whose plan runs until the file `go` is there, or for so long. */
  readonly jets: (count: number, more?: Made) => Promise<string[]>;
  readonly turn: (jet: string, more?: Document) => Promise<string>;
  /** Lets all turns that wait for it end. */
  readonly letGo: () => void;
  /** Those that begin from now on wait again. */
  readonly hold: () => void;
  /** In their order, by jets. */
  readonly begun: () => string[];
  readonly ended: () => string[];
  /** When each began, in milliseconds, in their order. */
  readonly begunAt: () => number[];
  /** The most that ran at a time. */
  readonly most: () => number;
  readonly until: (what: string, isSo: () => boolean, withinMs?: number) => Promise<void>;
  readonly remove: () => void;
}

export interface Made {
  readonly plan?: Document;
  readonly turn?: Document;
  readonly template?: Document;
  /** Of its own; else it waits for `go`. */
  readonly forSeconds?: number;
  readonly variables?: (index: number) => Document;
}

let templates = 0;

export const limitDocument = (reference: string, rest: Document): Document => ({
  ...{ apiVersion: "jetmesh/v1", kind: "Limit", reference, name: reference },
  ...rest,
});

export function limitedRunsOf(client: () => MeshClient): LimitedRuns {
  const folder = mkdtempSync(join(tmpdir(), "jm-limited-"));
  const said = (): string[][] => linesOf(join(folder, "said")).map((line) => line.split(" "));
  const of = (word: string): string[] => said().flatMap(([what, jet = ""]) => (what === word ? [jet] : []));
  const until = async (what: string, isSo: () => boolean, withinMs = 20_000): Promise<void> => {
    await eventually(what, () => (isSo() ? true : undefined), {
      withinMs,
      lastSeen: () => linesOf(join(folder, "said")).join("\n"),
    });
  };
  return {
    folder,
    until,
    letGo: () => writeFileSync(join(folder, "go"), ""),
    hold: () => rmSync(join(folder, "go"), { force: true }),
    begun: () => of("begin"),
    ended: () => of("end"),
    begunAt: () => said().flatMap(([what, , at]) => (what === "begin" ? [Number(at)] : [])),
    most() {
      let [now, most] = [0, 0];
      for (const [what] of said()) {
        now += what === "begin" ? 1 : -1;
        most = Math.max(most, now);
      }
      return most;
    },
    async jets(count, { plan = {}, turn = {}, template = {}, forSeconds, variables } = {}) {
      templates += 1;
      const name = `limited${String(templates)}`;
      const wait =
        forSeconds === undefined
          ? `while [ ! -e ${folder}/go ]; do sleep 0.02; done`
          : `sleep ${String(forSeconds)}`;
      const steps = [
        {
          shell: `echo begin $JM_JET $(date +%s%3N) >> ${folder}/said; ${wait}; echo end $JM_JET >> ${folder}/said`,
        },
      ];
      const documents = loopDocuments([], turn, name)
        .filter(({ kind }) => kind !== "Plan")
        .map((one) => (one["kind"] === "Template" ? { ...one, ...template } : one));
      await applyDocuments(client(), [planDocument(`${name}_turn`, steps, plan), ...documents]);
      const made = Array.from({ length: count }, (_, index) => `${name}-${String(index)}`);
      await Promise.all(
        made.map((reference, index) =>
          client().request("jet.create", {
            ...{ template: name, reference, wait: true },
            ...(variables === undefined ? {} : { variables: variables(index) }),
          }),
        ),
      );
      return made;
    },
    turn: async (jet, more = {}) => {
      const asked = { jet, action: "turn", ...more };
      return (await client().request<TriggerReply>("jet.trigger", asked)).actionId ?? "";
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Who holds which slots, from the records. */
export async function holdersOf({ connection, names }: MeshClient): Promise<Map<string, string[]>> {
  const found = await scanNewest(connection, names, names.buckets.slots, 10_000, ({ exists, data }) => {
    if (!exists) return undefined;
    const { holders } = JSON.parse(Buffer.from(data).toString()) as KeySlots;
    return holders.length === 0 ? undefined : holders.map(({ id }) => id);
  });
  return found;
}

export const nobodyHolds = async (client: MeshClient, withinMs = 20_000): Promise<void> => {
  let seen: unknown;
  await eventually(
    "nobody to hold a slot",
    async () => {
      const held = await holdersOf(client);
      seen = [...held];
      return held.size === 0 ? true : undefined;
    },
    { withinMs, lastSeen: () => JSON.stringify(seen) },
  );
};

export const countsOf = async (
  client: MeshClient,
  reference: string,
): Promise<{ running: number; waiting: number; retrying: number }> => {
  const { slots } = await client.request<LimitView>("limit.get", { reference });
  const { running = -1, waiting = -1, retrying = -1 } = slots ?? {};
  return { running, waiting, retrying };
};

/** A state-store that dies at a fault of the slots, alone; and then another, which goes on. */
export async function diesAt(mesh: TestMesh, fault: string): Promise<{ gone: Promise<TestService> }> {
  const faulted = await onlyWithFault(mesh, fault);
  return { gone: faulted.gone.then(() => mesh.start("state-store")) };
}
