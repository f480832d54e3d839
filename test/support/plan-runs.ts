import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JournalEntry, TriggerReply } from "@jetmesh/protocol";
import { applyDocuments, type Document, loopDocuments, planDocument } from "@jetmesh/testkit";
import { linesOf } from "./lines-of.ts";
import { runsOf } from "./runs.ts";

/** Plans as a test runs them: each on a jet of its own, with a folder for what their steps leave in the world outside. */
export interface PlanRuns {
  readonly folder: string;
  /** A shell command that says something in the folder, for `said`. */
  readonly say: (text: string) => string;
  readonly said: () => string[];
  /** Begins a plan of these steps on a new jet, whose action is as `turn` says; gives the action's id. */
  readonly begin: (
    steps: readonly Document[],
    plan?: Document,
    jet?: Document,
    turn?: Document,
  ) => Promise<string>;
  /** The same, and waits for its end. */
  readonly run: (...begin: Parameters<PlanRuns["begin"]>) => Promise<ActionRecord>;
  readonly get: (id: string) => Promise<ActionRecord>;
  readonly until: (id: string, what: string, isSo: (now: ActionRecord) => boolean) => Promise<ActionRecord>;
  readonly ended: (id: string) => Promise<ActionRecord>;
  readonly remove: () => void;
}

export function planRunsOf(client: () => MeshClient): PlanRuns {
  const folder = mkdtempSync(join(tmpdir(), "jm-plans-"));
  const { get, until, ended } = runsOf(client);
  let made = 0;
  const begin = async (
    steps: readonly Document[],
    plan: Document = {},
    jet: Document = {},
    turn: Document = {},
  ): Promise<string> => {
    made += 1;
    const template = `t${String(made)}`;
    const documents = loopDocuments([{ shell: "true" }], turn, template).filter(
      ({ kind }) => kind !== "Plan",
    );
    await applyDocuments(client(), [planDocument(`${template}_turn`, steps, plan), ...documents]);
    const reference = `jet-${template}`;
    await client().request("jet.create", { template, reference, wait: true, ...jet });
    const { actionId = "" } = await client().request<TriggerReply>("jet.trigger", {
      jet: reference,
      action: "turn",
    });
    return actionId;
  };
  return {
    folder,
    say: (text) => `echo "${text}" >> ${folder}/said`,
    said: () => linesOf(`${folder}/said`),
    begin,
    run: async (...plan) => ended(await begin(...plan)),
    get,
    until,
    ended,
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** `launch SUCCESS`: how the steps of an action went, in the order in which they began. */
export const wayOf = ({ journal }: ActionRecord): string[] =>
  journal.map(({ reference, outcome }) => `${reference} ${outcome ?? "open"}`);

export const entryOf = ({ journal }: ActionRecord, step: string): JournalEntry | undefined =>
  journal.find(({ reference }) => reference === step);
