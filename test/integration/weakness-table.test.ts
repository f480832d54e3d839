import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";

const numbers = Array.from({ length: 19 }, (_, at) => `W${String(at + 1)}`);

/** The rows of the page: what has which number, and the files that are said to show it. */
const rows = readFileSync(join(ROOT, "docs/weaknesses.md"), "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| W"))
  .map((line) => line.split("|").map((cell) => cell.trim()))
  .map(([, number = "", , , shown = ""]) => ({
    number,
    files: [...shown.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file).toSorted(),
  }));

/** The numbers in the names of tests, a name being what a call of one is given: `"A17 W15 a result …"`. */
function numbersIn(source: string): string[] {
  const names = source.matchAll(/\b(?:test|it|describe)\b[^"`;]*?\(\s*["`]((?:A\d+ )?(?:W\d+ )+)/g);
  return [...names].flatMap(([, start = ""]) => start.match(/W\d+/g) ?? []);
}
const below = (parent: string): string[] =>
  readdirSync(join(ROOT, parent))
    .map((name) => `${parent}/${name}/test`)
    .filter((folder) => existsSync(join(ROOT, folder)));
const FOLDERS = ["test", "protocol/test", ...below("packages"), ...below("services")];
const shownBy = new Map<string, Set<string>>();
for (const folder of FOLDERS) {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" });
  for (const name of names.filter((one) => one.endsWith(".test.ts") && !one.includes("node_modules")))
    for (const number of numbersIn(readFileSync(join(ROOT, folder, name), "utf8")))
      shownBy.set(number, (shownBy.get(number) ?? new Set()).add(`${folder}/${name}`));
}

test("every weakness has a row, in order, and a test by its name", () => {
  expect(rows.map(({ number }) => number)).toEqual(numbers);
  expect(numbers.filter((number) => !shownBy.has(number))).toEqual([]);
});

test.each(rows)("what is said to show $number does, and nothing else", ({ number, files }) => {
  expect(files).toEqual([...(shownBy.get(number) ?? [])].toSorted());
});
