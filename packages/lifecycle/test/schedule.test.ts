import { type Fired, ScheduleDefinition, type ScheduleRecord } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  decideFiring,
  type FiringFacts,
  nextDue,
  ON_TIME_MS,
  settled,
  timed,
  timingOf,
  toInstant,
} from "../src/index.ts";

const at = (instant: string): number => Date.parse(instant);
const HOUR = 3_600_000;
const create = { kind: "report" };
const schedule = (rest: Record<string, unknown>): ScheduleDefinition =>
  ScheduleDefinition.parse({ kind: "Schedule", reference: "s", name: "s", create, ...rest });

/** The instants behind one another, without what is the same in all of them. */
function instants(rest: Record<string, unknown>, after: string, most: number): string[] {
  const timing = timingOf(schedule(rest));
  const found: string[] = [];
  let from = at(after);
  while (found.length < most) {
    const next = nextDue(timing, at(after), from);
    if (next === undefined) break;
    found.push(toInstant(next).replace(".000Z", "Z"));
    from = next;
  }
  return found;
}

describe("when a schedule falls due", () => {
  const BERLIN = { timeZone: "Europe/Berlin" };
  test.each<[string, Record<string, unknown>, string, string[]]>([
    [
      "a cron expression counts in its time zone",
      { cron: "0 3 * * *", ...BERLIN },
      "2026-01-10T12:00:00Z",
      ["2026-01-11T02:00:00Z", "2026-01-12T02:00:00Z"],
    ],
    [
      "without a time zone in UTC",
      { cron: "0 3 * * *" },
      "2026-01-10T12:00:00Z",
      ["2026-01-11T03:00:00Z", "2026-01-12T03:00:00Z"],
    ],
    [
      "with six fields by the second",
      { cron: "*/20 * * * * *" },
      "2026-01-10T12:00:05Z",
      ["2026-01-10T12:00:20Z", "2026-01-10T12:00:40Z", "2026-01-10T12:01:00Z"],
    ],
    [
      "at the very instant the next is behind it",
      { cron: "0 3 * * *" },
      "2026-01-11T03:00:00Z",
      ["2026-01-12T03:00:00Z"],
    ],
    [
      "in the hour that the clocks leave out it falls due once, as that is over",
      { cron: "30 2 * * *", ...BERLIN },
      "2026-03-28T00:00:00Z",
      ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"],
    ],
    [
      "in the hour that comes twice a fixed time falls due once, in the first",
      { cron: "30 2 * * *", ...BERLIN },
      "2026-10-24T12:00:00Z",
      ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
    ],
    [
      "and every twenty minutes are every twenty minutes in both",
      { cron: "*/20 * * * *", ...BERLIN },
      "2026-10-25T00:30:00Z",
      ["2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:20:00Z", "2026-10-25T01:40:00Z"],
    ],
    [
      "and no hour is left out as the clocks go forward",
      { cron: "0 * * * *", ...BERLIN },
      "2026-03-28T23:30:00Z",
      ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"],
    ],
    [
      "29 February is every four years",
      { cron: "0 3 29 2 *" },
      "2026-03-01T00:00:00Z",
      ["2028-02-29T03:00:00Z", "2032-02-29T03:00:00Z"],
    ],
    [
      "31 only in the months that have one",
      { cron: "0 0 31 * *" },
      "2026-01-31T00:00:00Z",
      ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"],
    ],
    [
      "every so often it counts from when it was applied",
      { every: "10m" },
      "2026-01-10T12:03:04Z",
      ["2026-01-10T12:13:04Z", "2026-01-10T12:23:04Z"],
    ],
  ])("%s", (_name, rest, after, expected) => {
    expect(instants(rest, after, expected.length)).toEqual(expected);
  });

  const RULES = [
    { cron: "*/7 * * * *", timeZone: "Europe/Berlin" },
    { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
    { cron: "30 1 * * 0", timeZone: "America/New_York" },
    { cron: "15 */6 1,29 * *", timeZone: "Australia/Lord_Howe" },
    { cron: "5 4 3 * * *", timeZone: "Asia/Kathmandu" },
    { every: "1s" },
    { every: "37m" },
    { every: "3d" },
  ];
  const SPAN = { min: at("2026-01-01T00:00:00Z"), max: at("2029-01-01T00:00:00Z") };

  it("the next is always behind the moment, and between the two nothing falls due", () => {
    const moment = fc.integer(SPAN);
    fc.assert(
      fc.property(
        fc.constantFrom(...RULES),
        moment,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (rule, now, part) => {
          const timing = timingOf(schedule(rule));
          const next = nextDue(timing, SPAN.min - 12_345, now) ?? 0;
          expect(next).toBeGreaterThan(now);
          const between = Math.floor(now + (next - 1 - now) * part);
          expect(nextDue(timing, SPAN.min - 12_345, between)).toBe(next);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("what is fired late is the last that fell due: it lies between, and the next of it is behind the moment", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...RULES),
        fc.integer(SPAN),
        fc.integer({ min: 0, max: 40 * 24 * HOUR }),
        (rule, start, lateMs) => {
          const definition = schedule({ ...rule, catchUpWindow: "366d" });
          const record = timed(definition, undefined, "me", start);
          const due = at(record.next ?? "");
          const now = due + lateMs;
          const fired = decideFiring(record, factsOf(definition), now);
          const fell = at(fired?.firing.at ?? "");
          expect(fell).toBeGreaterThanOrEqual(due);
          expect(fell).toBeLessThanOrEqual(now);
          expect(nextDue(record.timing, at(record.since), fell) ?? 0).toBeGreaterThan(now);
          expect(at(fired?.next ?? "")).toBe(nextDue(record.timing, at(record.since), now));
          expect(fired?.firing.missed === undefined).toBe(fell === due);
        },
      ),
      { numRuns: 300 },
    );
  });
});

const factsOf = (definition: ScheduleDefinition, more: Partial<FiringFacts> = {}): FiringFacts => ({
  ...{ definition, owner: "anna", isOpen: false, by: "me" },
  idOf: (instant) => `id-of-${instant}`,
  ...more,
});

const HOURLY = schedule({ cron: "0 * * * *" });
const NOON = "2026-01-10T12:00:00.000Z";
const recordOf = (definition = HOURLY): ScheduleRecord =>
  timed(definition, undefined, "me", at(NOON) - 1_000);
const after = (ms: number): number => at(NOON) + ms;
const done = (record: ScheduleRecord | undefined, outcome: Fired["outcome"] = "begun"): ScheduleRecord => {
  if (record?.firing === undefined) throw new Error("it has not fired");
  return settled({ ...record, firing: record.firing }, { outcome }, "me");
};

describe("what becomes of what is due", () => {
  it("before its instant nothing does", () => {
    expect(decideFiring(recordOf(), factsOf(HOURLY), after(-1))).toBeUndefined();
  });

  it("at its instant it fires, under an id of the instant and with the rights of the owner, and the next is an hour later", () => {
    const fired = decideFiring(recordOf(), factsOf(HOURLY), after(0));
    expect(fired).toMatchObject({
      next: "2026-01-10T13:00:00.000Z",
      firing: { at: NOON, id: `id-of-${NOON}`, owner: "anna", create: { kind: "report" } },
    });
    expect(fired?.firing).not.toHaveProperty("leftOut");
    expect(fired?.firing).not.toHaveProperty("missed");
  });

  it("while a firing is not over no other is decided", () => {
    const fired = decideFiring(recordOf(), factsOf(HOURLY), after(0));
    if (fired === undefined) throw new Error("it has not fired");
    expect(decideFiring(fired, factsOf(HOURLY), after(2 * HOUR))).toBeUndefined();
    const next = decideFiring(done(fired), factsOf(HOURLY), after(2 * HOUR));
    expect(next?.firing.at).toBe("2026-01-10T14:00:00.000Z");
  });

  it("it remembers how the last came out, and which action it began last", () => {
    const begun = done(decideFiring(recordOf(), factsOf(HOURLY), after(0)));
    expect(begun).toMatchObject({ last: { at: NOON, outcome: "begun" }, begun: { id: `id-of-${NOON}` } });
    const left = done(decideFiring(begun, factsOf(HOURLY, { isOpen: true }), after(HOUR)), "left_out");
    expect(left).toMatchObject({ last: { outcome: "left_out" }, begun: { id: `id-of-${NOON}` } });
    expect(left).not.toHaveProperty("firing");
  });

  test.each<[string, Record<string, unknown>, boolean, string | undefined, string | undefined]>([
    ["skip leaves it out while the last is open", {}, true, "firing_overlaps", undefined],
    ["skip fires when the last is over", {}, false, undefined, undefined],
    ["allow fires whatever is open", { overlap: "allow" }, true, undefined, undefined],
    ["queue fires, to wait for the jet", { overlap: "queue" }, true, undefined, "queue"],
  ])("overlap: %s", (_name, rest, isOpen, code, onBusy) => {
    const definition = schedule({
      ...{ cron: "0 * * * *", create: undefined, trigger: { jet: "j", action: "a" } },
      ...rest,
    });
    const fired = decideFiring(recordOf(definition), factsOf(definition, { isOpen }), after(0));
    expect(fired?.firing.leftOut?.code).toBe(code);
    expect(fired?.firing.trigger?.onBusy).toBe(onBusy);
  });

  test.each<[string, Record<string, unknown>, number, string, string | undefined, boolean]>([
    ["what is a moment late is on time", { catchUp: "none" }, ON_TIME_MS, NOON, undefined, false],
    ["none: what is later is left out", { catchUp: "none" }, ON_TIME_MS + 1, NOON, "firing_missed", false],
    ["last: within the window it fires", {}, HOUR - 1, NOON, undefined, false],
    [
      "last: of several the last fires, and the others are said",
      {},
      3 * HOUR + 5,
      "2026-01-10T15:00:00.000Z",
      undefined,
      true,
    ],
    [
      "last: behind the window it is left out",
      { catchUpWindow: "5m" },
      5 * 60_000 + 1,
      NOON,
      "firing_missed",
      false,
    ],
    [
      "last: a window may be longer",
      { catchUpWindow: "2d" },
      30 * HOUR + 60_000,
      "2026-01-11T18:00:00.000Z",
      undefined,
      true,
    ],
  ])("catch-up: %s", (_name, rest, lateMs, fell, code, isMore) => {
    const definition = schedule({ cron: "0 * * * *", ...rest });
    const fired = decideFiring(recordOf(definition), factsOf(definition), after(lateMs));
    expect(fired?.firing.at).toBe(fell);
    expect(fired?.firing.leftOut?.code).toBe(code);
    expect(fired?.firing.missed).toEqual(
      isMore ? { from: NOON, until: fell, id: `id-of-${NOON} until ${fell}` } : undefined,
    );
  });
});

describe("what is applied", () => {
  it("a timing that stays as it was goes on, also with what is due and not seen to", () => {
    const changed = schedule({ cron: "0 * * * *", note: "other words", create: { kind: "other" } });
    expect(timed(changed, recordOf(), "you", after(HOUR))).toMatchObject({ by: "you", next: NOON });
  });

  it("a new timing counts from now, and what the old one had due is gone", () => {
    const changed = schedule({ cron: "30 * * * *" });
    const record = timed(changed, recordOf(), "you", after(HOUR));
    expect(record).toMatchObject({ since: toInstant(after(HOUR)), next: "2026-01-10T13:30:00.000Z" });
  });

  it("a paused one has nothing due, and resumed it goes on with the next; what came meanwhile is none of it", () => {
    const paused = timed(schedule({ cron: "0 * * * *", paused: true }), recordOf(), "you", after(-500));
    expect(paused).not.toHaveProperty("next");
    expect(decideFiring(paused, factsOf(HOURLY), after(5 * HOUR))).toBeUndefined();
    const resumed = timed(HOURLY, paused, "you", after(5 * HOUR));
    expect(resumed.next).toBe("2026-01-10T18:00:00.000Z");
  });

  it("every so often goes on in the same steps when it was paused", () => {
    const every = schedule({ every: "10m" });
    const first = timed(every, undefined, "me", at(NOON));
    const paused = timed({ ...every, paused: true }, first, "me", after(60_000));
    expect(timed(every, paused, "me", after(25 * 60_000)).next).toBe("2026-01-10T12:30:00.000Z");
  });

  it("a firing that is under way goes on, by what it was decided by", () => {
    const fired = decideFiring(recordOf(), factsOf(HOURLY), after(0));
    const changed = timed(
      schedule({ cron: "30 * * * *", create: { kind: "other" } }),
      fired,
      "you",
      after(5),
    );
    expect(changed.firing).toMatchObject({ at: NOON, create: { kind: "report" } });
    expect(changed.next).toBe("2026-01-10T12:30:00.000Z");
  });
});
