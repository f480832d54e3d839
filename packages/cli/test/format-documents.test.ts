import fc from "fast-check";
import { expect, test } from "vitest";
import { formatDocuments } from "../src/format-documents.ts";
import { readDocuments } from "../src/yaml-documents.ts";

/** What `jm export` prints is what `jm apply` reads. */
const text = fc.oneof(
  fc.string({ unit: "binary" }).filter((one) => one.isWellFormed()),
  fc.constantFrom(
    "---",
    "- a",
    "null",
    "yes",
    "0x10",
    "1e3",
    "",
    " ",
    "a: b",
    "#",
    "line\n",
    " \n\n",
    "…\u2028",
    "\t",
    "'\"",
    "a\n---\nb",
    "x".repeat(200),
    "word ".repeat(60),
  ),
);
const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: "small" },
    text,
    fc.constantFrom(null, true, false, 0, -1, 1.5, 1e21),
    fc.array(tie("any"), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("any"),
      { maxKeys: 4 },
    ),
  ),
})).any;

test("documents are read back as they were, whatever they hold", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ kind: text, value }), { minLength: 1, maxLength: 4 }), (documents) => {
      const plain = JSON.parse(JSON.stringify(documents)) as unknown[];
      const { documents: read, faults } = readDocuments([{ source: "-", text: formatDocuments(plain) }]);
      expect(faults).toEqual([]);
      expect(read.map(({ document }) => document)).toEqual(plain);
    }),
    { numRuns: 300 },
  );
});

test("a text of several lines is a block, and no line is folded", () => {
  const document = { kind: "Plan", steps: [{ shell: "one\n  two\n", name: "word ".repeat(40).trim() }] };
  expect(formatDocuments([document, { kind: "State" }])).toBe(
    `kind: Plan\nsteps:\n  - shell: |\n      one\n        two\n    name: ${document.steps[0]?.name ?? ""}\n---\nkind: State\n`,
  );
});
