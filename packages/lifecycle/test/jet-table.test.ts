import { JetRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideJet, type JetEvent, type TriggerFacts } from "../src/index.ts";
import {
  ALLOWED,
  actionOf,
  asked,
  DENIED,
  EVENT_TYPES,
  EVENTS,
  type EventName,
  INCARNATION,
  id,
  inWords,
  jet,
  LAST,
  NOW,
  OPEN,
  PHASES,
  type Phase,
  TEMPLATE,
} from "./jet-situations.ts";
import { ACTING } from "./jet-table/acting.ts";
import { IDLE } from "./jet-table/idle.ts";

/** Design §3, every pair of (phase of a jet, event). */
const TABLE: Record<Phase, Record<EventName, string>> = { ...IDLE, ...ACTING };
const PHASE_NAMES = Object.keys(PHASES) as Phase[];

describe.each(PHASE_NAMES)("a jet that is %s", (phase) => {
  const rows = (Object.keys(EVENTS) as EventName[]).map((on) => ({ on, then: TABLE[phase][on] }));
  it.each(rows)("$on: $then", ({ on, then }) => {
    const before = structuredClone(PHASES[phase]);
    const decision = decideJet(PHASES[phase], EVENTS[on], NOW);
    expect(inWords(decision)).toBe(then);
    expect(PHASES[phase], "the record that it was given is left alone").toEqual(before);
    if (decision.kind === "write") expect(JetRecord.parse(decision.next)).toEqual(decision.next);
  });
});

describe("the table", () => {
  it("decides every pair of phase and event", () => {
    const pairs = PHASE_NAMES.flatMap((phase) => Object.keys(EVENTS).map((on) => `${phase} × ${on}`));
    const rows = Object.entries(TABLE).flatMap(([phase, row]) =>
      Object.keys(row).map((on) => `${phase} × ${on}`),
    );
    expect(rows.sort()).toEqual(pairs.sort());
  });

  it("has every type of event among its events", () => {
    const types = new Set(Object.values<JetEvent>(EVENTS).map(({ type }) => type));
    expect([...types].sort()).toEqual([...EVENT_TYPES].sort());
  });
});

/** What makes a trigger of an idle jet refused, in the order of design §3. */
interface Doubt {
  readonly state?: string;
  readonly action?: string;
  readonly busy?: true;
  readonly destroyed?: true;
  readonly facts?: Partial<TriggerFacts>;
}
const hidden = (code: "unknown_jet" | "unknown_action"): Doubt => ({
  facts: { access: { allow: false, code, message: "no" } },
});
const REFUSALS: readonly (readonly [code: string, doubt: Doubt])[] = [
  ["unknown_jet", { destroyed: true }],
  ["unknown_jet", hidden("unknown_jet")],
  ["unknown_action", { action: "fly" }],
  ["unknown_action", hidden("unknown_action")],
  ["forbidden", { facts: { access: DENIED.access } }],
  ["jet_busy", { busy: true }],
  ["action_not_available", { state: "running" }],
  ["requirement_unmet", { facts: { unmet: "db is not running" } }],
  ["limit_reached", { facts: { limitReached: true } }],
  ["trigger_expired", { facts: { expired: true } }],
];

function decideWith(...doubts: readonly Doubt[]): string {
  // The first doubt about access is the answer that authz gives: it looks in the same order.
  const all = doubts
    .toReversed()
    .reduce<Doubt>((sum, doubt) => ({ ...sum, ...doubt, facts: { ...sum.facts, ...doubt.facts } }), {});
  const record = jet({
    state: all.state ?? "stopped",
    ...(all.busy === undefined ? {} : { open: { ...asked("start", OPEN), from: "stopped" } }),
    ...(all.destroyed === undefined ? {} : { destroyedAt: "2026-01-01T00:00:00.000Z" }),
  });
  const trigger = asked(all.action ?? "start");
  const facts = { ...ALLOWED, ...all.facts };
  return inWords(
    decideJet(record, { type: "trigger", trigger, onBusy: "refuse", template: TEMPLATE, facts }, NOW),
  );
}

describe("the refusals of a trigger", () => {
  it("are none where nothing speaks against it", () => {
    expect(decideWith()).toBe("starting, open start, => create start");
  });

  it.each(REFUSALS)("%s alone refuses it", (code, doubt) => {
    expect(decideWith(doubt)).toBe(`refused ${code}`);
  });

  const pairs = REFUSALS.flatMap(([code, doubt], at) =>
    REFUSALS.slice(at + 1).map(([later, doubtLater]) => ({ code, doubt, later, doubtLater })),
  );
  it.each(pairs)("$code comes before $later", ({ code, doubt, doubtLater }) => {
    expect(decideWith(doubt, doubtLater)).toBe(`refused ${code}`);
  });

  it("say nothing of the template to a user who may not see the jet", () => {
    const { facts = {} } = hidden("unknown_jet");
    const event = { type: "trigger", trigger: asked("fly"), onBusy: "refuse", template: TEMPLATE } as const;
    const decision = decideJet(jet({ state: "stopped" }), { ...event, facts: { ...ALLOWED, ...facts } }, NOW);
    expect(decision).toEqual({ kind: "refused", code: "unknown_jet", message: "no" });
  });

  it("come in the same order when the turn of a waiting trigger comes", () => {
    const record = jet({ state: "stopped", queue: [asked("fly", id("3"))] });
    expect(inWords(decideJet(record, { type: "next", template: TEMPLATE, facts: DENIED }, NOW))).toBe(
      "stopped, => refuse unknown_action",
    );
    const late = jet({ state: "stopped", queue: [asked("start", id("3"))] });
    const facts = { ...ALLOWED, expired: true, unmet: "no db" };
    expect(inWords(decideJet(late, { type: "next", template: TEMPLATE, facts }, NOW))).toBe(
      "stopped, => refuse requirement_unmet",
    );
  });
});

describe("a queue", () => {
  const waiting = (count: number) =>
    Array.from({ length: count }, (_, at) => asked("stop", `q${String(at).padStart(15, "0")}`));
  const ask = (id: string, facts = ALLOWED): JetEvent => ({
    type: "trigger",
    trigger: asked("stop", id),
    onBusy: "queue",
    template: TEMPLATE,
    facts,
  });

  it("takes 256 triggers, then refuses with queue_full", () => {
    expect(inWords(decideJet(jet({ state: "running", queue: waiting(255) }), ask(id("n")), NOW))).toBe(
      "running, 256 wait",
    );
    expect(inWords(decideJet(jet({ state: "running", queue: waiting(256) }), ask(id("n")), NOW))).toBe(
      "refused queue_full",
    );
  });

  it("keeps triggers in the order in which they came", () => {
    const decision = decideJet(jet({ state: "running", queue: waiting(2) }), ask(id("n")), NOW);
    const ids = decision.kind === "write" ? decision.next.queue.map((each) => each.id) : [];
    expect(ids).toEqual([...waiting(2).map((each) => each.id), id("n")]);
  });

  it("knows a trigger that waits in it, though 32 others were accepted since", () => {
    const queue = waiting(40);
    const recent = queue.slice(-32).map((each) => each.id);
    expect(inWords(decideJet(jet({ state: "running", queue, recent }), ask(queue[0]?.id ?? ""), NOW))).toBe(
      "unchanged duplicate",
    );
  });

  it("takes no trigger that is older than 12 h", () => {
    expect(
      inWords(
        decideJet(
          jet({ state: "running", queue: waiting(1) }),
          ask(id("n"), { ...ALLOWED, expired: true }),
          NOW,
        ),
      ),
    ).toBe("refused trigger_expired");
  });
});

describe("an end", () => {
  const end = (action: string, outcome: "SUCCESS" | "ERROR", state: string, from?: string) => {
    const open = { ...asked(action, OPEN), ...(from === undefined ? {} : { from }) };
    const queue = [asked("stop", id("3"))];
    const event = {
      type: "ended",
      id: OPEN,
      incarnation: INCARNATION,
      action: actionOf(action),
      outcome,
    } as const;
    return decideJet(jet({ state, open, queue }), event, NOW);
  };

  it.each([
    ["in SUCCESS brings the jet to `to`", "start", "SUCCESS", "starting", "stopped", "running, 1 wait"],
    ["in ERROR brings it to `error`", "start", "ERROR", "starting", "stopped", "broken, 1 wait"],
    [
      "in ERROR without `error` brings it back to `from`",
      "stop",
      "ERROR",
      "stopping",
      "running",
      "running, 1 wait",
    ],
    [
      "in ERROR of a create leaves it without a state",
      "create",
      "ERROR",
      "creating",
      undefined,
      "no state, 1 wait",
    ],
    [
      "in SUCCESS without `to` destroys it and refuses who waits",
      "destroy",
      "SUCCESS",
      "destroying",
      "stopped",
      "destroyed, => refuse unknown_jet",
    ],
    [
      "in ERROR of a destroy leaves it where it was",
      "destroy",
      "ERROR",
      "destroying",
      "stopped",
      "stopped, 1 wait",
    ],
  ] as const)("%s", (_name, action, outcome, state, from, then) => {
    expect(inWords(end(action, outcome, state, from))).toBe(then);
  });

  it("is remembered as the last one, which alone may be rolled back", () => {
    const decision = end("start", "SUCCESS", "starting", "stopped");
    expect(decision.kind === "write" && decision.next.last).toMatchObject({
      id: OPEN,
      action: "start",
      outcome: "SUCCESS",
    });
  });

  it("of a destroyed jet's last trigger, delivered once more, is a duplicate and no refusal", () => {
    const event = {
      type: "trigger",
      trigger: asked("destroy", LAST),
      onBusy: "refuse",
      template: TEMPLATE,
      facts: ALLOWED,
    } as const;
    expect(inWords(decideJet(PHASES.destroyed, event, NOW))).toBe("unchanged duplicate");
  });
});
