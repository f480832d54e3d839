import { expect, it } from "vitest";
import { formatDuration, formatRecord, formatTable } from "../src/table.ts";

it("a table's columns are as wide as their widest cell, and no line ends in blanks", () => {
  expect(
    formatTable(
      ["JET", "STATE", "ACTION"],
      [
        ["web1", "running", ""],
        ["database", "up", "stop"],
      ],
    ),
  ).toEqual(["JET       STATE    ACTION", "web1      running", "database  up       stop"]);
});

it("a record leaves out what has no value", () => {
  expect(
    formatRecord([
      ["jet", "web1"],
      ["target", undefined],
      ["users", ""],
      ["template", "web"],
    ]),
  ).toEqual(["jet:      web1", "template: web"]);
});

it("a duration is as exact as it is short", () => {
  expect([90, 9_999, 12_345, 300_000].map(formatDuration)).toEqual(["0.09 s", "10.00 s", "12.3 s", "5 min"]);
});
