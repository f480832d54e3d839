import { expect, test } from "vitest";
import { formatChanges } from "../src/format-changes.ts";

test("a dry run is told document by document and path by path, what does not change as a number", () => {
  const lines = formatChanges({
    items: [
      { kind: "State", reference: "new", change: "created" },
      { kind: "State", reference: "same", change: "unchanged" },
      {
        kind: "Template",
        reference: "web",
        change: "updated",
        changes: [
          { path: ["limit"], before: 0, after: 3 },
          { path: ["pool"], before: "gpu" },
          { path: ["actions", "start", "note"], after: "x".repeat(200) },
          { path: ["requires", 0, "state"], before: null, after: { a: [1] } },
        ],
        isCut: true,
      },
    ],
  });
  expect(lines).toEqual([
    "+ State new would be created",
    "~ Template web would be updated",
    "    ~ limit: 0 -> 3",
    '    - pool: "gpu"',
    `    + actions.start.note: "${"x".repeat(119)}…`,
    '    ~ requires[0].state: null -> {"a":[1]}',
    "    … and more",
    "1 document would not change",
  ]);
});
