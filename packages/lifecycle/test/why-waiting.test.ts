import { type ActionRecord, type ActionView, type JetRecord, PlanDefinition } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { newJet, toInstant, type Waiting, whyAction, whyJet } from "../src/index.ts";
import {
  executing,
  HOLDER,
  inProgress,
  LAST_SITUATIONS,
  NOW,
  PAST,
  reverting,
  SITUATIONS,
  SOON,
  sleeping,
} from "./action-situations.ts";
import { asked, OPEN, TEMPLATE } from "./jet-situations.ts";

const plan = PlanDefinition.parse({
  kind: "Plan",
  reference: "build",
  name: "Build",
  steps: [{ reference: "make", shell: "make" }, { wait: 60_000 }],
});
const entry = (more: object): ActionRecord["journal"] => [{ reference: "make", startedAt: PAST, ...more }];

describe("an action waits for", () => {
  const CASES: readonly (readonly [string, ActionView, Partial<Waiting>])[] = [
    [
      "a runner of its pool",
      sleeping({ pool: "big" }),
      { for: "runner", message: expect.stringContaining("'big'") as string },
    ],
    [
      "a runner of its pool with its labels",
      sleeping({ pool: "big", labels: ["eu", "gpu"] }),
      { for: "runner", message: "a runner of pool 'big' with labels 'eu', 'gpu' that begins it" },
    ],
    [
      "a runner, of which there is none",
      { ...sleeping({ pool: "big" }), unserved: true },
      { for: "runner", message: "a runner of pool 'big' that begins it: none is there" },
    ],
    [
      "what always runs, and for which runner",
      { ...LAST_SITUATIONS["SLEEPING, cut"], unserved: true },
      {
        for: "runner",
        message:
          "a runner of pool 'default' that begins it: none is there; it is being ended (no longer wanted)",
      },
    ],
    [
      "a slot",
      sleeping({ slots: { keys: [{ key: "limit.few" }] } }),
      { for: "slot", message: "a slot of limit 'few'" },
    ],
    [
      "a slot, and where it stands",
      {
        ...sleeping({ slots: { keys: [{ key: "limit.few" }] } }),
        place: { key: "limit.few", inUse: 3, of: 3, before: 17 },
      },
      { for: "slot", message: "a slot of limit 'few' (3 of 3 in use, 17 before it)" },
    ],
    [
      "a slot of its plan, until its rate lets it",
      {
        ...sleeping({ slots: { keys: [{ key: "plan.p" }] } }),
        place: { key: "plan.p", inUse: 2, of: 0, before: 0, nextAt: SOON },
      },
      { for: "slot", message: "a slot of its plan (2 in use, 0 before it)", until: SOON },
    ],
    [
      "its delay before a slot",
      sleeping({ slots: { keys: [{ key: "plan.p" }] }, timers: { notBefore: SOON } }),
      { for: "delay", until: SOON },
    ],
    ["its delay", sleeping({ timers: { notBefore: SOON } }), { for: "delay", until: SOON }],
    ["a retry", sleeping({ attempt: 2, timers: { notBefore: SOON } }), { for: "retry", until: SOON }],
    ["a runner, once its delay is over", sleeping({ timers: { notBefore: PAST } }), { for: "runner" }],
    [
      "the step that runs, and which try it is",
      executing({ definition: { plan }, journal: entry({ tries: 2 }) }),
      {
        for: "step",
        message: `step 'make' (try 2) of plan 'build', which runner ${HOLDER} runs`,
        until: SOON,
      },
    ],
    [
      "a step that waits",
      inProgress({ definition: { plan }, journal: entry({ waitUntil: SOON }) }),
      { for: "delay", until: SOON },
    ],
    ["its watcher", inProgress(), { for: "watcher", until: SOON }],
    ["a runner that asks its watcher", inProgress({ timers: { watchAt: PAST } }), { for: "runner" }],
    ["its rollback", reverting(), { for: "rollback", until: SOON }],
    ["somebody who resumes it", sleeping({ state: "PAUSED" }), { for: "resume" }],
    ["its jet to be settled", sleeping({ state: "ERROR" }), { for: "settling" }],
    ["nothing", sleeping({ state: "CLOSED" }), { for: "nothing" }],
  ];
  it.each(CASES)("%s", (_what, record, expected) => {
    expect(whyAction(record, NOW)).toMatchObject(expected);
  });

  it("something that can be said in every situation there is", () => {
    for (const record of Object.values(SITUATIONS)) expect(whyAction(record, NOW).message).not.toBe("");
  });
});

describe("a jet waits for", () => {
  const idle = (more: Partial<JetRecord> = {}): JetRecord => ({
    ...newJet(
      { reference: "one", name: "One", template: TEMPLATE, users: [], managers: [], variables: {} },
      NOW,
    ),
    ...more,
  });

  it("what its open action waits for", () => {
    const jet = idle({ open: asked("start", OPEN) });
    expect(whyJet(jet, NOW, { open: inProgress() })).toEqual(whyAction(inProgress(), NOW));
    expect(whyJet(jet, NOW).message).toContain(OPEN);
  });

  it("its turn, or what its next action requires", () => {
    const jet = idle({ queue: [asked("start")] });
    expect(whyJet(jet, NOW, { template: TEMPLATE })).toMatchObject({ for: "turn" });
    const requires = [{ template: "db", state: "running", actions: ["start"], otherwise: "bring" as const }];
    expect(whyJet(jet, NOW, { template: { ...TEMPLATE, requires } })).toMatchObject({
      for: "requirement",
      message: "a jet of template 'db' in state 'running', for 'start'",
    });
    expect(whyJet(idle({ queue: [asked("stop")] }), NOW, { template: { ...TEMPLATE, requires } }).for).toBe(
      "turn",
    );
  });

  it("the next hop to its target, or nothing", () => {
    const trigger = { via: "api", key: "k" } as const;
    const target = { id: OPEN, state: "running", user: "alice", trigger, at: toInstant(NOW), hops: 0 };
    expect(whyJet(idle({ target }), NOW)).toMatchObject({ for: "target" });
    expect(whyJet(idle(), NOW)).toMatchObject({ for: "nothing" });
  });
});
