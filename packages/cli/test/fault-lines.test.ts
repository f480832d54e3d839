import type { Fault } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { formatFault, placeFaults, readDocuments } from "../src/yaml-documents.ts";

const TWO_DOCUMENTS = `# states first
apiVersion: jetmesh/v1
kind: State
reference: up
---
apiVersion: jetmesh/v1
kind: Template
reference: web
actions:
  - reference: start
    transit: up
    plan: missing
    surprise: 1
  - { reference: stop,
      transit: nowhere }
`;

function linesOf(text: string, faults: readonly Omit<Fault, "message">[], message = "is wrong"): string[] {
  const { documents } = readDocuments([{ source: "web.yaml", text }]);
  return placeFaults(
    faults.map((fault) => ({ message, ...fault })),
    documents,
  ).map(formatFault);
}

describe("a fault of the mesh", () => {
  it("is shown at the line of its key", () => {
    expect(
      linesOf(TWO_DOCUMENTS, [
        { document: 0, path: ["reference"] },
        { document: 1, path: ["actions", 0, "plan"] },
        { document: 1, path: ["actions", 1, "transit"] },
      ]),
    ).toEqual([
      "web.yaml:4 reference: is wrong",
      "web.yaml:12 actions[0].plan: is wrong",
      "web.yaml:15 actions[1].transit: is wrong",
    ]);
  });

  it("about a key that is missing is shown where it should be", () => {
    expect(linesOf(TWO_DOCUMENTS, [{ document: 1, path: ["actions", 0, "name"] }])).toEqual([
      "web.yaml:10 actions[0].name: is wrong",
    ]);
    expect(linesOf(TWO_DOCUMENTS, [{ document: 1, path: [] }])).toEqual(["web.yaml:6: is wrong"]);
  });

  it("about a key too many is shown at that key, which the message alone names", () => {
    const message = 'Unrecognized key: "surprise"';
    expect(linesOf(TWO_DOCUMENTS, [{ document: 1, path: ["actions", 0] }], message)).toEqual([
      `web.yaml:13 actions[0]: ${message}`,
    ]);
  });

  it("counts documents over all files, and passes over those with nothing in them", () => {
    const { documents } = readDocuments([
      { source: "a.yaml", text: "---\n# nothing\n---\nkind: A\n---\n" },
      { source: "empty.yaml", text: "" },
      { source: "b.yaml", text: "kind: B\n" },
    ]);
    expect(documents.map(({ document }) => document)).toEqual([{ kind: "A" }, { kind: "B" }]);
    expect(placeFaults([{ document: 1, path: ["kind"], message: "no" }], documents).map(formatFault)).toEqual(
      ["b.yaml:1 kind: no"],
    );
  });
});

describe("a fault of syntax", () => {
  it("is shown with its file and line, all of them at once", () => {
    const { faults } = readDocuments([
      { source: "a.yaml", text: "kind: [1\n---\nkind: B\nkind: C\n" },
      { source: "b.yaml", text: "a: b: c\n" },
    ]);
    const shown = faults.map(formatFault);
    expect(shown).toContainEqual(expect.stringMatching(/^a\.yaml:2: not YAML: /));
    expect(shown).toContainEqual(expect.stringMatching(/^a\.yaml:4: not YAML: .*unique/));
    expect(shown).toContainEqual(expect.stringMatching(/^b\.yaml:1: not YAML: /));
  });
});
