import type { JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";
import { JetRecord } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decideJet,
  findAction,
  type JetDecision,
  type JetEvent,
  newJet,
  type TriggerFacts,
} from "../src/index.ts";
import { ALLOWED, asked, DENIED, NOW } from "./jet-situations.ts";
import { anyStart, anyState, anyTemplate, distance, templateOf } from "./random-templates.ts";

interface Step {
  readonly type: JetEvent["type"];
  /** Which id it carries: the open action's, one accepted before, or a new one. */
  readonly whose: "open" | "known" | "new";
  readonly action: number;
  readonly state: string;
  readonly queue: boolean;
  readonly ok: boolean;
  readonly sameIncarnation: boolean;
  readonly facts: TriggerFacts;
}
interface Visit {
  readonly before: JetRecord;
  readonly event: JetEvent;
  readonly decision: JetDecision;
}
type Written = Visit & { readonly decision: JetDecision & { readonly kind: "write" } };

const anyStep: fc.Arbitrary<Step> = fc.record({
  type: fc.constantFrom(
    ...([
      "trigger",
      "trigger",
      "trigger",
      "trigger",
      "ended",
      "ended",
      "ended",
      "hop",
      "next",
      "next",
    ] as const),
    ...(["target", "rollback", "rolled_back", "drop_target", "delete"] as const),
  ),
  whose: fc.constantFrom("open", "open", "new", "new", "known"),
  action: fc.nat(20),
  state: anyState,
  queue: fc.boolean(),
  ok: fc.boolean(),
  sameIncarnation: fc.constantFrom(true, true, true, false),
  facts: fc.constantFrom(
    ALLOWED,
    ALLOWED,
    ALLOWED,
    DENIED,
    { ...ALLOWED, expired: true },
    { ...ALLOWED, unmet: "no" },
  ),
});

function actionNamed(template: TemplateDefinition, reference: string): JetActionDefinition {
  const action = findAction(template, reference);
  if (action === undefined) throw new Error(`no action '${reference}' in the template`);
  return action;
}

const idOf = (index: number): string => `n${String(index).padStart(15, "0")}`;

function eventOf(step: Step, jet: JetRecord, template: TemplateDefinition, index: number): JetEvent {
  const known = step.type === "rollback" ? jet.last?.id : (jet.queue[0]?.id ?? jet.recent[0]);
  const id =
    (step.whose === "open" ? jet.open?.id : step.whose === "known" ? known : undefined) ?? idOf(index);
  const fitting = template.actions.filter((action) => action.from === jet.state);
  const pool = step.ok && fitting.length > 0 ? fitting : template.actions;
  const action = pool[step.action % pool.length] ?? actionNamed(template, "a0");
  const opened = template.actions.find((each) => each.reference === jet.open?.action) ?? action;
  const incarnation = step.sameIncarnation ? jet.incarnation || 7 : 9;
  const { facts, state } = step;
  switch (step.type) {
    case "trigger":
      return {
        type: "trigger",
        trigger: asked(action.reference, id),
        onBusy: step.queue ? "queue" : "refuse",
        template,
        facts,
      };
    case "target":
      return { type: "target", id, state, user: "alice", trigger: { via: "api", key: id }, template };
    case "hop":
    case "next":
      return { type: step.type, id, template, facts };
    case "ended":
      return { type: "ended", id, incarnation, action: opened, outcome: step.ok ? "SUCCESS" : "ERROR" };
    case "rollback": {
      const last = template.actions.find((each) => each.reference === jet.last?.action) ?? action;
      const trigger = asked(last.reference, step.whose === "new" ? id : (jet.last?.id ?? id));
      return { type: "rollback", trigger, incarnation, transit: last.transit };
    }
    case "rolled_back":
      return { type: "rolled_back", id, incarnation, action: opened, succeeded: step.ok };
    case "drop_target":
      return { type: "drop_target", why: "no_path" };
    case "delete":
      return { type: "delete" };
  }
}

const fresh = (template: TemplateDefinition): JetRecord =>
  newJet({ reference: "web1", name: "Web one", template, users: [], managers: [], variables: {} }, NOW);

function walk(start: JetRecord, template: TemplateDefinition, steps: readonly Step[]): Visit[] {
  let jet = start;
  return steps.map((step, index) => {
    const event = eventOf(step, jet, template, index);
    const visit = { before: jet, event, decision: decideJet(jet, event, NOW + index) };
    if (visit.decision.kind === "write") jet = visit.decision.next;
    return visit;
  });
}

const waiting = (count: number) =>
  Array.from({ length: count }, (_, at) => asked("a0", `q${String(at).padStart(15, "0")}`));

/** Holds in 150 random lives of up to 60 events, some of which begin with an almost full queue. */
function everyVisit(holds: (visit: Visit, template: TemplateDefinition) => void): void {
  const lives = fc.record({
    template: anyTemplate,
    state: anyStart,
    waits: fc.constantFrom(0, 0, 0, 0, 0, 0, 254),
    steps: fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
  });
  fc.assert(
    fc.property(lives, ({ template, state, waits, steps }) => {
      const start = {
        ...fresh(template),
        ...(state === undefined ? {} : { state, incarnation: 7 }),
        queue: waiting(waits),
      };
      for (const visit of walk(start, template, steps)) holds(visit, template);
    }),
    { numRuns: 150 },
  );
}
const everyWrite = (holds: (written: Written, template: TemplateDefinition) => void): void => {
  everyVisit((visit, template) => {
    if (visit.decision.kind === "write") holds(visit as Written, template);
  });
};

describe("in every life of a jet", () => {
  it("there is one open action at most: none begins while another is open (J1)", () => {
    everyWrite(({ before, event, decision: { next } }) => {
      if (before.open === undefined) return;
      if (next.open !== undefined) expect(next.open).toEqual(before.open);
      else expect(["ended", "rolled_back"]).toContain(event.type);
    });
  });

  it("an action is made exactly where the jet's record names it (J1)", () => {
    everyWrite(({ before, decision: { next, effects } }) => {
      const made = effects.flatMap((effect) => (effect.type === "create_action" ? [effect.open] : []));
      const begun = before.open === undefined && next.open !== undefined && next.open.rollback !== true;
      expect(made).toEqual(begun ? [next.open] : []);
    });
  });

  it("a trigger whose id is open, waits or was accepted lately changes nothing (J2)", () => {
    everyVisit(({ before, event, decision }) => {
      if (event.type !== "trigger") return;
      const ids = [before.open?.id, ...before.recent, ...before.queue.map(({ id }) => id)];
      if (ids.includes(event.trigger.id)) expect(decision).toEqual({ kind: "unchanged", why: "duplicate" });
    });
  });

  it("only the end of its own open action in its own incarnation settles it, and only once (J3)", () => {
    everyWrite(({ before, event, decision }) => {
      if (event.type !== "ended" && event.type !== "rolled_back") return;
      expect([before.open?.id, before.open?.rollback ?? false]).toEqual([
        event.id,
        event.type === "rolled_back",
      ]);
      expect([0, event.incarnation]).toContain(before.incarnation);
      expect(decision.next.incarnation).toBe(event.incarnation);
      expect(decideJet(decision.next, event, NOW)).toEqual({ kind: "unchanged", why: "not_its_action" });
    });
  });

  it("a refusal and an unchanged leave the record untouched (J4)", () => {
    everyVisit(({ before, event, decision }) => {
      const kept = JSON.stringify(before);
      expect(decideJet(before, event, NOW).kind).toBe(decision.kind);
      expect(JSON.stringify(before)).toBe(kept);
    });
  });

  it("it is in the action's transit while one is open (J5)", () => {
    everyWrite(({ decision: { next } }, template) => {
      if (next.open === undefined) return;
      expect(next.state).toBe(
        template.actions.find(({ reference }) => reference === next.open?.action)?.transit,
      );
    });
  });

  it("SUCCESS leads to `to`, ERROR to `error` or back to where it was, and ERROR clears the target", () => {
    everyWrite(({ before, event, decision: { next, expires } }) => {
      if (event.type !== "ended") return;
      if (event.outcome === "ERROR") {
        expect([next.state, next.target]).toEqual([event.action.error ?? before.open?.from, undefined]);
        return;
      }
      expect(next.state).toBe(event.action.to);
      expect([next.destroyedAt !== undefined, expires === true]).toEqual(
        Array(2).fill(event.action.to === undefined),
      );
    });
  });

  it("a rollback leads to the action's `from`, and a failed one to `error` or where it was", () => {
    everyWrite(({ before, event, decision: { next } }) => {
      if (event.type !== "rolled_back") return;
      expect(next.state).toBe(
        event.succeeded ? event.action.from : (event.action.error ?? before.open?.from),
      );
    });
  });

  it("at most 256 triggers wait, at most 32 ids are kept, and a reader accepts the record", () => {
    everyWrite(({ decision: { next } }) => {
      expect(next.queue.length).toBeLessThanOrEqual(256);
      expect(next.recent.length).toBeLessThanOrEqual(32);
      expect(JetRecord.parse(next)).toEqual(next);
    });
  });

  it("no waiting trigger is lost: it waits on, begins, or is refused by an effect", () => {
    everyWrite(({ before, decision: { next, effects } }) => {
      const refused = effects.flatMap((effect) => (effect.type === "refuse" ? [effect.trigger.id] : []));
      const after = [...next.queue.map(({ id }) => id), ...refused, next.open?.id];
      for (const { id } of before.queue) expect(after).toContain(id);
    });
  });

  it("a destroyed jet is never written again", () => {
    everyWrite(({ before }) => {
      expect(before.destroyedAt).toBeUndefined();
    });
  });

  it("the same event decided again changes nothing, but for the next of a queue", () => {
    everyWrite(({ event, decision: { next } }) => {
      if (event.type === "next") return;
      expect(decideJet(next, event, NOW).kind).not.toBe("write");
    });
  });
});

describe("the walks", () => {
  it("write by every type of event, so that what they hold is not held of nothing", () => {
    const seen = new Set<string>();
    everyWrite(({ event }) => seen.add(event.type));
    expect(seen.size).toBe(9);
  });
});

/** Hops and successes until nothing is wanted any more; gives the number of hops. */
function bring(
  jet: JetRecord,
  template: TemplateDefinition,
  state: string,
): { hops: number; jet: JetRecord } | undefined {
  const order = {
    type: "target",
    id: idOf(999),
    state,
    user: "alice",
    trigger: { via: "api", key: "k" },
    template,
  } as const;
  const begun = decideJet(jet, order, NOW);
  if (begun.kind === "refused") return undefined;
  let present = begun.kind === "write" ? begun.next : jet;
  let hops = 0;
  while (present.target !== undefined) {
    const hop = decideJet(present, { type: "hop", id: idOf(hops), template, facts: ALLOWED }, NOW);
    if (hop.kind !== "write" || hop.next.open === undefined) throw new Error(`a hop was ${hop.kind}`);
    const { open } = hop.next;
    const action = actionNamed(template, open.action);
    const ended = decideJet(
      hop.next,
      { type: "ended", id: open.id, incarnation: 7, action, outcome: "SUCCESS" },
      NOW,
    );
    if (ended.kind !== "write") throw new Error(`an end was ${ended.kind}`);
    present = ended.next;
    hops += 1;
  }
  return { hops, jet: present };
}

describe("a jet that is brought to a state", () => {
  it("arrives by the shortest way through any template, or is refused with no_path", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, (template, from, state) => {
        const start = { ...fresh(template), ...(from === undefined ? {} : { state: from }) };
        const brought = bring(start, template, state);
        expect(brought?.hops).toBe(distance(template.actions, from, state));
        if (brought !== undefined) expect(brought.jet.state).toBe(state);
      }),
      { numRuns: 500 },
    );
  });

  it("gives up its target by the first hop that fails", () => {
    fc.assert(
      fc.property(anyTemplate, anyStart, anyState, (template, from, state) => {
        const start = { ...fresh(template), ...(from === undefined ? {} : { state: from }) };
        const order = {
          type: "target",
          id: idOf(999),
          state,
          user: "alice",
          trigger: { via: "api", key: "k" },
          template,
        } as const;
        const begun = decideJet(start, order, NOW);
        if (begun.kind !== "write") return;
        const hop = decideJet(begun.next, { type: "hop", id: idOf(0), template, facts: ALLOWED }, NOW);
        if (hop.kind !== "write") throw new Error(`a hop was ${hop.kind}`);
        const [effect] = hop.effects;
        if (effect?.type !== "create_action") throw new Error("a hop makes an action");
        const event = {
          type: "ended",
          id: idOf(0),
          incarnation: 7,
          action: effect.action,
          outcome: "ERROR",
        } as const;
        const ended = decideJet(hop.next, event, NOW);
        expect(ended.kind === "write" && ended.next.target).toBeUndefined();
      }),
    );
  });

  it("takes the path anew from where the last hop led it", () => {
    const before = templateOf([
      { from: "s0", to: "s1" },
      { from: "s1", to: "s2" },
      { from: "s2", to: "s3" },
    ]);
    const after = templateOf([
      { from: "s0", to: "s1" },
      { from: "s1", to: "s2" },
      { from: "s2", to: "s3" },
      { from: "s1", to: "s3" },
    ]);
    const target = {
      id: idOf(9),
      state: "s3",
      user: "alice",
      trigger: { via: "api", key: "k" },
      at: fresh(before).createdAt,
      hops: 1,
    } as const;
    const there = { ...fresh(before), state: "s1", target };
    const open = (template: TemplateDefinition): string | undefined => {
      const decision = decideJet(there, { type: "hop", id: idOf(1), template, facts: ALLOWED }, NOW);
      return decision.kind === "write" ? decision.next.open?.action : undefined;
    };
    expect([open(before), open(after)]).toEqual(["a1", "a3"]);
  });

  it("is given up after 500 hops, for a template that leads it in circles", () => {
    const template = templateOf([{ from: "s0", to: "s1" }]);
    const target = {
      id: idOf(9),
      state: "s1",
      user: "alice",
      trigger: { via: "api", key: "k" },
      at: fresh(template).createdAt,
    } as const;
    const hop = (hops: number): string =>
      decideJet(
        { ...fresh(template), state: "s0", target: { ...target, hops } },
        { type: "hop", id: idOf(1), template, facts: ALLOWED },
        NOW,
      ).kind;
    expect([hop(499), hop(500)]).toEqual(["write", "refused"]);
  });
});
