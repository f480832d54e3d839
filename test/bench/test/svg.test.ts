import { expect, test } from "vitest";
import { svgOf } from "../report/svg.ts";
import { engine, report } from "./reports.ts";

const six = ["a", "b", "c", "d", "e", "<f>"].map((name) => engine(name, "synced", [100, 200, 400, 800]));
const two = ["jetmesh (default)", "bullmq (everysec)"].map((name) => engine(name, "lazy", [1_000, 9_000]));

const attributes = (svg: string, name: string): number[] =>
  [...svg.matchAll(new RegExp(` ${name}="(-?[\\d.]+)"`, "g"))].map(([, value]) => Number(value));

test("has a panel for each durability and a bar for each engine and load", () => {
  const svg = svgOf(report([...six, ...two]));
  expect(svg.match(/class="text title"/g)).toHaveLength(2);
  // A bar says its engine and rate to whoever points at it.
  expect(svg.match(/\/s<\/title>/g)).toHaveLength(6 * 4 + 2 * 2);
});

test("nothing lies outside of the picture, and no number is missing", () => {
  const svg = svgOf(report([...six, ...two]));
  const [, width = 0, height = 0] = (/viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []).map(Number);
  for (const x of [...attributes(svg, "x"), ...attributes(svg, "x2")]) expect(x).toBeLessThanOrEqual(width);
  for (const y of attributes(svg, "y")) expect(y).toBeLessThanOrEqual(height);
  expect(
    Math.min(...attributes(svg, "x"), ...attributes(svg, "y"), ...attributes(svg, "width")),
  ).toBeGreaterThan(0);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
});

test("is well formed whatever an engine is called, and reads on a dark page", () => {
  const svg = svgOf(report(six));
  expect(svg).toContain("&lt;f&gt;");
  expect(svg.match(/</g)?.length).toBe(svg.match(/>/g)?.length);
  expect(svg).toContain("prefers-color-scheme: dark");
});

test("without any figure there is an empty picture, not an error", () => {
  expect(svgOf(report([]))).toContain("</svg>");
});
