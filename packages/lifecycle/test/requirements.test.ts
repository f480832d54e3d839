import type { HeldBy, Hold, JetRecord, Requirement } from "@jetmesh/protocol";
import { MAX_HELD_BY, TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  chooseRequired,
  decideJet,
  findPath,
  holdsAtRest,
  leavesHold,
  requirementCycle,
  requirementsOf,
  statesThatRequire,
} from "../src/index.ts";
import { ALLOWED, asked, INCARNATION, id, jet, NOW, TEMPLATE } from "./jet-situations.ts";

const requirement = (more: Partial<Requirement> = {}): Requirement => ({
  template: "web",
  state: "running",
  actions: [],
  otherwise: "refuse",
  ...more,
});
const BY = { jet: "app1", trigger: id("8") };
const heldFor = (by: string, state: string, trigger = id("9")): HeldBy => ({
  jet: by,
  state,
  id: trigger,
  at: "2026-01-01T00:00:00.000Z",
});
const target = (state: string): JetRecord["target"] => ({
  id: id("6"),
  state,
  user: "root",
  trigger: { via: "target", key: "k" },
  at: "2026-01-01T00:00:00.000Z",
  hops: 0,
});

/** Jets of the template of the tests, however they stand. */
const candidate = fc
  .record({
    n: fc.integer({ min: 1, max: 30 }),
    template: fc.constantFrom("web", "web", "web", "other"),
    state: fc.constantFrom(undefined, "stopped", "running", "broken"),
    open: fc.boolean(),
    queue: fc.boolean(),
    target: fc.constantFrom(undefined, "running", "stopped"),
    held: fc.constantFrom(undefined, "app1", "app2"),
    heldIn: fc.constantFrom("running", "stopped"),
    heldByMe: fc.boolean(),
    destroyed: fc.boolean(),
  })
  .map((is): JetRecord => {
    const { state: _state, ...rest } = jet({ reference: `web${String(is.n)}`, template: is.template });
    const trigger = is.heldByMe ? BY.trigger : id("9");
    return {
      ...rest,
      ...(is.open ? { open: { ...asked("start", id("2")), from: "stopped" }, state: "starting" } : {}),
      ...(!is.open && is.state !== undefined ? { state: is.state } : {}),
      queue: is.queue ? [asked("stop", id("3"))] : [],
      ...(is.target === undefined ? {} : { target: target(is.target) }),
      ...(is.held === undefined ? {} : { heldBy: [heldFor(is.held, is.heldIn, trigger)] }),
      ...(is.destroyed ? { destroyedAt: "2026-01-01T00:00:00.000Z" } : {}),
    };
  });
const candidates = fc.uniqueArray(candidate, { selector: ({ reference }) => reference, maxLength: 6 });
const otherwise = fc.constantFrom("refuse" as const, "bring" as const);
const holds = fc.option(fc.constantFrom("web1", "web2", "web3"), { nil: undefined });

describe("a jet that as many require as may", () => {
  const many = (count: number): HeldBy[] =>
    Array.from({ length: count }, (_, n) => heldFor(`other${String(n)}`, "running"));
  const crowded = (more: Partial<JetRecord>): JetRecord => jet({ reference: "web1", ...more });
  const choose = (one: JetRecord, otherwise: Requirement["otherwise"]) =>
    chooseRequired(requirement({ otherwise }), TEMPLATE, [one], BY);

  it.each(["refuse", "bring"] as const)("is of no use to one more, who is to be told (%s)", (how) => {
    const others = many(MAX_HELD_BY);
    expect(choose(crowded({ state: "running", heldBy: others }), how)).toEqual({ kind: "unmet" });
    expect(choose(crowded({ state: "stopped", heldBy: others }), how)).toEqual({ kind: "unmet" });
    expect(choose(crowded({ state: "stopped", heldBy: others, target: target("running") }), how)).toEqual({
      kind: "unmet",
    });
  });

  it("is there for one of those", () => {
    const heldBy = [...many(MAX_HELD_BY - 1), heldFor(BY.jet, "running")];
    expect(choose(crowded({ state: "running", heldBy }), "refuse")).toEqual({ kind: "met", jet: "web1" });
  });
});

describe("which jet of a required template is taken", () => {
  const choose = (all: readonly JetRecord[], how: Requirement["otherwise"], held?: string) =>
    chooseRequired(requirement({ otherwise: how }), TEMPLATE, all, { ...BY, holds: held });
  const isThere = (one: JetRecord): boolean => one.template === "web" && one.destroyedAt === undefined;
  const isUp = (one: JetRecord): boolean => isThere(one) && one.open === undefined && one.state === "running";

  it("one that is at rest in the state, where there is one, and never another (R1)", () => {
    fc.assert(
      fc.property(candidates, otherwise, holds, (all, how, held) => {
        const choice = choose(all, how, held);
        expect(choice.kind === "met").toBe(all.some(isUp));
        if (choice.kind === "met")
          expect(all.filter(isUp).map(({ reference }) => reference)).toContain(choice.jet);
      }),
    );
  });

  it("the one that is held already before others", () => {
    const up = (reference: string): JetRecord => jet({ reference, state: "running" });
    expect(choose([up("web1"), up("web2"), up("web3")], "refuse", "web3")).toEqual({
      kind: "met",
      jet: "web3",
    });
    expect(choose([up("web2"), up("web1")], "refuse", "gone")).toEqual({ kind: "met", jet: "web1" });
  });

  it("the same in whatever order they come", () => {
    fc.assert(
      fc.property(candidates, otherwise, holds, (all, how, held) => {
        expect(choose(all.toReversed(), how, held)).toEqual(choose(all, how, held));
      }),
    );
  });

  it("none is brought but one that is idle, can get there, and that nobody requires elsewhere (R2)", () => {
    fc.assert(
      fc.property(candidates, holds, (all, held) => {
        const choice = choose(all, "bring", held);
        if (choice.kind !== "bring") return;
        const brought = all.find(({ reference }) => reference === choice.jet);
        expect(brought).toBeDefined();
        if (brought === undefined) return;
        expect([brought.open, brought.target, brought.queue.length]).toEqual([undefined, undefined, 0]);
        expect(findPath(TEMPLATE, brought.state, "running")).toBeDefined();
        expect(
          (brought.heldBy ?? []).every(({ jet: by, state }) => by === BY.jet || state === "running"),
        ).toBe(true);
        // Not again by the trigger for which it was brought and came to rest elsewhere.
        expect(
          brought.heldBy?.some(({ id: by }) => by === BY.trigger) === true &&
            brought.heldBy.some(({ jet: by }) => by === BY.jet),
        ).toBe(false);
      }),
    );
  });

  it("nothing is brought, and nothing waited for, where it is to be refused", () => {
    fc.assert(
      fc.property(candidates, holds, (all, held) => {
        expect(["met", "unmet"]).toContain(choose(all, "refuse", held).kind);
      }),
    );
  });

  it("waiting ends: without one on its way or busy it is met, brought or unmet", () => {
    fc.assert(
      fc.property(candidates, holds, (all, held) => {
        const isMoving = (one: JetRecord): boolean =>
          isThere(one) && (one.open !== undefined || one.target !== undefined || one.queue.length > 0);
        if (choose(all, "bring", held).kind === "wait") expect(all.some(isMoving)).toBe(true);
      }),
    );
  });
});

describe("a jet that others require", () => {
  const held = (state: string): JetRecord => jet({ state, heldBy: [heldFor("app1", state)] });
  const trigger = (one: JetRecord, action: string, force?: boolean) =>
    decideJet(
      one,
      {
        type: "trigger",
        trigger: { ...asked(action), ...(force === undefined ? {} : { force }) },
        onBusy: "refuse",
        template: TEMPLATE,
        facts: ALLOWED,
      },
      NOW,
    );

  it("is neither stopped nor destroyed, and who requires it is not named", () => {
    for (const decision of [
      trigger(held("running"), "stop"),
      trigger(held("stopped"), "destroy"),
      decideJet(held("running"), { type: "delete" }, NOW),
    ]) {
      expect(decision).toMatchObject({ kind: "refused", code: "in_use" });
      expect(JSON.stringify(decision)).not.toContain("app1");
    }
  });

  it("is, by force; and is still known to be required", () => {
    const stopped = trigger(held("running"), "stop", true);
    expect(stopped).toMatchObject({ kind: "write", next: { state: "stopping", heldBy: [{ jet: "app1" }] } });
    expect(decideJet(held("running"), { type: "delete", force: true }, NOW).kind).toBe("write");
  });

  it("does whatever ends where it is required", () => {
    expect(leavesHold(held("running"), "running")).toBe(false);
    expect(leavesHold(held("running"), "stopped")).toBe(true);
    expect(leavesHold(held("running"), undefined)).toBe(true);
    expect(leavesHold(jet({ state: "running" }), undefined)).toBe(false);
  });

  it("keeps its place in line: a stop that waits is refused when its turn comes", () => {
    const waiting = { ...held("running"), queue: [asked("stop", id("3"))] };
    const next = decideJet(waiting, { type: "next", template: TEMPLATE, facts: ALLOWED }, NOW);
    expect(next).toMatchObject({
      kind: "write",
      next: { queue: [] },
      effects: [{ type: "refuse", code: "in_use" }],
    });
  });
});

describe("a jet that requires others", () => {
  const hold = (states: string[], reference = "db1"): Hold => ({
    template: "db",
    jet: reference,
    state: "running",
    id: id("7"),
    while: states,
  });
  const begin = (one: JetRecord, facts: object) =>
    decideJet(
      one,
      {
        type: "trigger",
        trigger: asked("start"),
        onBusy: "refuse",
        template: TEMPLATE,
        facts: { ...ALLOWED, ...facts },
      },
      NOW,
    );
  const end = (one: JetRecord, action: string, outcome: "SUCCESS" | "ERROR") => {
    const found = TEMPLATE.actions.find(({ reference }) => reference === action);
    if (found === undefined || one.open === undefined) throw new Error("there is nothing that could end");
    return decideJet(
      one,
      { type: "ended", id: one.open.id, incarnation: INCARNATION, action: found, outcome },
      NOW,
    );
  };

  it("waits, although it is idle, while what it requires is brought up", () => {
    expect(begin(jet({ state: "stopped" }), { waits: true })).toMatchObject({
      kind: "write",
      next: { state: "stopped", queue: [{ action: "start" }] },
      effects: [],
    });
  });

  it("is refused where it is not met, and changes nothing", () => {
    expect(begin(jet({ state: "stopped" }), { unmet: "no" })).toMatchObject({
      kind: "refused",
      code: "requirement_unmet",
    });
  });

  it("names what it holds in the write that begins, and keeps it as long as it rests where it requires it", () => {
    const began = begin(jet({ state: "stopped" }), { holds: [hold(["running"])] });
    if (began.kind !== "write") throw new Error("it did not begin");
    expect(began.next.holds).toEqual([hold(["running"])]);
    const up = end(began.next, "start", "SUCCESS");
    expect(up).toMatchObject({ kind: "write", next: { holds: [{ jet: "db1" }] }, effects: [] });
    const failed = end(began.next, "start", "ERROR");
    expect(failed).toMatchObject({ kind: "write", effects: [{ type: "release", hold: { jet: "db1" } }] });
    if (failed.kind === "write") expect(failed.next).not.toHaveProperty("holds");
  });

  it("lets go of one that another took the place of", () => {
    const began = begin(jet({ state: "stopped", holds: [hold(["stopped"], "db1")] }), {
      holds: [hold(["running"], "db2")],
    });
    expect(began).toMatchObject({
      kind: "write",
      effects: [{ type: "create_action" }, { type: "release", hold: { jet: "db1" } }],
    });
  });

  it("lets go of everything where it is destroyed", () => {
    const open = { ...asked("destroy", id("2")), from: "stopped" };
    const acting = jet({
      state: "destroying",
      open,
      holds: [hold(["stopped"]), { ...hold(["stopped"]), jet: "db2" }],
    });
    const gone = end(acting, "destroy", "SUCCESS");
    expect(gone).toMatchObject({ effects: [{ type: "release" }, { type: "release" }] });
    if (gone.kind === "write") expect(gone.next).not.toHaveProperty("holds");
  });

  it("keeps or lets go of each hold, never both, never neither", () => {
    const states = fc.subarray(["a", "b", "c"]);
    const any = fc.array(
      states.map((list) => hold(list)),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(any, fc.constantFrom(undefined, "a", "b"), (all, state) => {
        const { kept, released } = holdsAtRest(all, state);
        expect(kept.length + released.length).toBe(all.length);
        expect(kept.every(({ while: list }) => state !== undefined && list.includes(state))).toBe(true);
      }),
    );
  });
});

describe("which actions ask, and where the requirement holds", () => {
  const template = TemplateDefinition.parse({
    ...TEMPLATE,
    requires: [
      { template: "db", state: "running", actions: ["start"] },
      { template: "net", state: "running" },
    ],
  });
  const [db, net] = template.requires;

  it("those that it names, or all; as long as the jet is where they lead", () => {
    const names = (action: string): string[] =>
      requirementsOf(template, { reference: action }).map(({ template: one }) => one);
    expect([names("start"), names("stop"), names("destroy")]).toEqual([["db", "net"], ["net"], ["net"]]);
    if (db === undefined || net === undefined) throw new Error("two are required");
    expect(statesThatRequire(template, db)).toEqual(["running"]);
    expect(statesThatRequire(template, net).toSorted()).toEqual(["running", "stopped"]);
  });
});

describe("a circle of requirements", () => {
  const NAMES = ["a", "b", "c", "d", "e"] as const;
  const graph = fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(...NAMES)), { maxLength: 10 });

  it("is found from each of its members, and only where there is one", () => {
    fc.assert(
      fc.property(graph, fc.constantFrom(...NAMES), (edges, start) => {
        const next = (from: string): string[] => edges.filter(([one]) => one === from).map(([, to]) => to);
        // Written another way: everything that can be reached, in as many rounds as there are names.
        let reached = new Set(next(start));
        for (const _round of NAMES) reached = new Set([...reached, ...[...reached].flatMap(next)]);
        const circle = requirementCycle(start, next);
        expect(circle !== undefined).toBe(reached.has(start));
        if (circle === undefined) return;
        expect([circle[0], circle.at(-1)]).toEqual([start, start]);
        for (const [at, name] of circle.slice(1).entries()) expect(next(circle[at] ?? "")).toContain(name);
      }),
    );
  });
});
