import { JetRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideJet } from "../src/index.ts";
import { NOW } from "./jet-situations.ts";
import { everyVisit, everyWrite } from "./jet-walks.ts";

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
    everyWrite(({ event }) => seen.add(event.type), 1);
    expect(seen.size).toBe(12);
  });
});
