import { describe, expect, it, test } from "vitest";
import { documentOf, parseDefinition, ScheduleDefinition } from "../src/index.ts";

const schedule = {
  kind: "Schedule",
  reference: "s",
  name: "S",
  cron: "0 3 * * *",
  create: { kind: "report" },
};
const trigger = { jet: "web1", action: "restart" };
const faultsOf = (rest: Record<string, unknown>): string[] =>
  parseDefinition({ apiVersion: "jetmesh/v1", ...schedule, ...rest }).faults.map(
    ({ path, message }) => `${path.join(".")}: ${message}`,
  );

describe("a schedule", () => {
  it("has what is left out filled in", () => {
    expect(ScheduleDefinition.parse(schedule)).toEqual({
      ...schedule,
      ...{ accessLevel: "manager", timeZone: "UTC", create: { kind: "report", argument: {} } },
      ...{ overlap: "skip", catchUp: "last", catchUpWindow: 3_600_000, paused: false, note: "" },
    });
  });

  it("is written again as it was", () => {
    const written = { ...schedule, create: { kind: "report", pool: "late" }, timeZone: "Europe/Berlin" };
    expect(documentOf(ScheduleDefinition.parse(written))).toEqual({ apiVersion: "jetmesh/v1", ...written });
  });

  test.each<[string, Record<string, unknown>]>([
    ["five fields", { cron: "*/5 0-6,22 1 JAN-MAR MON" }],
    ["six fields, by the second", { cron: "*/5 * * * * *" }],
    ["every so often", { cron: undefined, every: "90s" }],
    ["a day that comes every four years", { cron: "0 0 29 2 *" }],
    ["the last day of a month", { cron: "0 0 L * *" }],
    ["a time zone", { timeZone: "America/Argentina/Buenos_Aires" }],
    [
      "a trigger that waits",
      { create: undefined, trigger: { ...trigger, onBusy: "queue" }, overlap: "queue" },
    ],
  ])("is taken with %s", (_what, rest) => {
    expect(faultsOf(rest)).toEqual([]);
  });

  test.each<[string, Record<string, unknown>, string[]]>([
    ["neither cron nor every", { cron: undefined }, [": a schedule has either cron or every"]],
    ["both", { every: "1m" }, [": a schedule has either cron or every"]],
    ["nothing to do", { create: undefined }, [": a schedule has either trigger or create"]],
    ["two things to do", { trigger }, [": a schedule has either trigger or create"]],
    ["too few fields", { cron: "0 3 * *" }, ["cron: must have five fields, or six with the seconds first"]],
    ["a year", { cron: "0 0 3 1 1 * 2030" }, ["cron: must have five fields, or six with the seconds first"]],
    ["a word", { cron: "@daily" }, ["cron: must have five fields, or six with the seconds first"]],
    ["a minute that there is not", { cron: "61 3 * * *" }, ["cron: Invalid value for minute: 61"]],
    ["what is no field", { cron: "0 3 * * $" }, ["cron: must be a cron expression, as 0 3 * * 1-5"]],
    ["a day that never comes", { cron: "0 0 30 2 *" }, ["cron: never falls due"]],
    ["too often", { cron: undefined, every: "999ms" }, ["every: must be 1s or more"]],
    ["no time zone", { timeZone: "Mars/Olympus" }, ["timeZone: there is no time zone 'Mars/Olympus'"]],
    ["an offset", { timeZone: "+02:00" }, ["timeZone: there is no time zone '+02:00'"]],
    [
      "a time zone and every",
      { cron: undefined, every: "1m", timeZone: "Europe/Berlin" },
      ["timeZone: goes with cron alone"],
    ],
    [
      "what is made to wait",
      { overlap: "queue" },
      ["overlap: only what triggers a jet can wait for its turn"],
    ],
    [
      "what waits and is refused",
      { create: undefined, trigger: { ...trigger, onBusy: "refuse" }, overlap: "queue" },
      ["trigger.onBusy: what is to wait for its turn cannot be refused"],
    ],
    ["what nobody knows", { owner: "root" }, [': Unrecognized key: "owner"']],
  ])("is refused with %s", (_what, rest, faults) => {
    expect(faultsOf(rest)).toEqual(faults);
  });
});
