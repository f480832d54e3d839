import { expect, test } from "vitest";
import { grouped, markdownOf } from "../report/markdown.ts";
import { engine, report, row } from "./reports.ts";

const jetmesh = engine("jetmesh (always)", "synced", [300, 2_000]);
const restate = {
  ...engine("restate", "synced", [200, 1_000]),
  rows: [row(1, 200), row(16, 1_000, { ratioToUs: 2 })],
};

test("has a table for each durability that was measured, with rates, latencies and the ratio to us", () => {
  const text = markdownOf(report([jetmesh, restate]));
  expect(text).toContain("## Synced");
  expect(text).not.toContain("## Lazily synced");
  expect(text).toContain("| jetmesh (always) | 300 (1.5 / 12) | 2 000 (1.5 / 12) |");
  expect(text).toContain("| restate | – | 2.00× |");
});

test("every line of a table has as many cells as its head", () => {
  const text = markdownOf(
    report([{ ...jetmesh, takeOver: { ms: 1_850, boundMs: 65_000, by: "three requests" } }, restate]),
  );
  let head = 0;
  for (const line of text.split("\n")) {
    const cells = line.startsWith("|") ? line.split("|").length : 0;
    if (cells > 0 && head > 0) expect(cells, line).toBe(head);
    head = cells;
  }
});

test("says who took over and who did not", () => {
  const text = markdownOf(
    report([
      { ...jetmesh, takeOver: { ms: 1_850, boundMs: 65_000, by: "three requests" } },
      { ...restate, takeOver: { ms: null, boundMs: 65_000, by: "a lock of 4 hours" } },
    ]),
  );
  expect(text).toContain("| jetmesh (always) | 1.9 s | three requests |");
  expect(text).toContain("| restate | not within 65 s | a lock of 4 hours |");
});

test("says what was not measured, and that a machine was busy", () => {
  const leftOut = [{ engine: "dbos", reason: "no PostgreSQL" }];
  const text = markdownOf(report([jetmesh], { leftOut }));
  expect(text).toContain("- **dbos**: no PostgreSQL");
  expect(text).toContain("- payloads");
  expect(text).not.toContain("not quiet");
  const { machine } = report([]);
  expect(markdownOf(report([jetmesh], { machine: { ...machine, loadBefore: [4, 4, 4] } }))).toContain(
    "not quiet",
  );
});

test("groups the digits of large numbers", () => {
  expect([1, 999, 1_000, 12_345, 1_234_567].map(grouped)).toEqual([
    "1",
    "999",
    "1 000",
    "12 345",
    "1 234 567",
  ]);
  expect(grouped(1.25)).toBe("1.3");
});
