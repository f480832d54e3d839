import { newAction } from "@jetmesh/lifecycle";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createNames } from "@jetmesh/protocol";
import type { Stored } from "@jetmesh/storage";
import { expect, test } from "vitest";
import type { RunnerDeps } from "../src/deps.ts";
import type { ActionKind } from "../src/kinds.ts";
import { takeOffered } from "../src/take-action.ts";

/**
 * A runner that stood still while its claim was on its way, for longer than closed records are kept, has made an action
 * anew that ran long ago (design §7.5). Nothing but the hour decides here, so the store is two functions.
 */
const HOUR_MS = 3_600_000;
const record = newAction(
  {
    id: "0123456789abcdef01234567",
    kind: "test",
    user: "root",
    argument: {},
    definition: {},
    jet: { reference: "web1", template: "web", incarnation: 7 },
  },
  0,
);

async function take(
  claimTakesMs: number,
  jet: Stored<JetRecord>,
): Promise<{ states: string[]; held: number }> {
  let now = 0;
  const states: string[] = [];
  const kind = { name: "test", main: () => undefined };
  const deps = {
    id: "runner-1",
    clock: { now: () => now },
    kinds: new Map([["test", kind as unknown as ActionKind]]),
    names: createNames(),
    log: { warn: () => undefined, error: () => undefined, info: () => undefined },
    connection: { pipeline: { call: () => Promise.resolve("closed") } },
    claiming: new Set(),
    held: new Map(),
    store: {
      actions: {
        swap: (_id: string, { state }: ActionRecord) => {
          if (states.push(state) === 1) now += claimTakesMs;
          return Promise.resolve({ kind: "written", revision: states.length });
        },
      },
      jets: { get: () => Promise.resolve(jet) },
    },
  } as unknown as RunnerDeps;
  expect(await takeOffered(deps, { record, from: "state-store-1" }, () => undefined)).toBe(true);
  return { states, held: deps.held.size };
}

test("ends unrun where its jet does not wait for it any more", async () => {
  const ended = await take(25 * HOUR_MS, { kind: "gone", revision: 9 });
  expect(ended).toEqual({ states: ["EXECUTING_MAIN", "ERROR"], held: 0 });
});

test("runs where its jet still names it", async () => {
  const open = { open: { id: record.id } } as JetRecord;
  const { states, held } = await take(25 * HOUR_MS, { kind: "record", revision: 9, value: open });
  expect([states[0], held]).toEqual(["EXECUTING_MAIN", 1]);
});

test("runs without a look at its jet where its claim was made at once", async () => {
  expect((await take(5, { kind: "gone", revision: 9 })).held).toBe(1);
});
