import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Definition,
  DOCUMENT_KINDS,
  DOCUMENT_SCHEMAS,
  documentOf,
  JetDefinition,
  PlanDefinition,
  StoredDefinition,
  TemplateDefinition,
} from "../src/index.ts";

const golden = (name: string): unknown[] =>
  JSON.parse(readFileSync(new URL(`./golden/${name}.json`, import.meta.url), "utf8")) as unknown[];
const KEPT = [
  ...golden("StoredDefinition").map((one) => StoredDefinition.parse(one).definition),
  ...golden("JetDefinition").map((one) => JetDefinition.parse(one)),
];
const read = ({ apiVersion: _version, ...document }: Record<string, unknown>): Definition | JetDefinition =>
  DOCUMENT_SCHEMAS[document["kind"] as keyof typeof DOCUMENT_SCHEMAS].parse(document);

describe("a document of a definition", () => {
  it.each(KEPT.map((definition) => [definition.kind, definition] as const))(
    "of a %s is read as the definition that it was made of",
    (_kind, definition) => {
      const document = documentOf(definition);
      expect(read(document)).toEqual(definition);
      expect(JSON.stringify(documentOf(read(document)))).toBe(JSON.stringify(document));
    },
  );

  it("has an example of every kind here", () => {
    expect(new Set(KEPT.map(({ kind }) => kind))).toEqual(new Set(DOCUMENT_KINDS));
  });

  it("leaves out what has its default, also within actions and steps, and no more", () => {
    const template = TemplateDefinition.parse({
      kind: "Template",
      reference: "web",
      name: "Web",
      limit: 3,
      variables: { empty: {}, none: null, list: [] },
      actions: [
        {
          reference: "go",
          name: "Go",
          transit: "going",
          repeat: { error: 1 },
          delays: { main: "1m" },
          accessLevel: "user",
        },
      ],
    });
    expect(documentOf(template)).toEqual({
      apiVersion: "jetmesh/v1",
      kind: "Template",
      reference: "web",
      name: "Web",
      limit: 3,
      variables: { empty: {}, none: null, list: [] },
      actions: [
        {
          reference: "go",
          name: "Go",
          accessLevel: "user",
          transit: "going",
          delays: { main: 60_000 },
          repeat: { error: 1 },
        },
      ],
    });
    const plan = { kind: "Plan", reference: "p", name: "P", steps: [{ shell: "x", retry: { attempts: 2 } }] };
    expect(documentOf(PlanDefinition.parse(plan))).toEqual({ apiVersion: "jetmesh/v1", ...plan });
  });

  it("keeps whatever variables hold", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const variables = { x: JSON.parse(text) as never };
        const jet = JetDefinition.parse({ kind: "Jet", reference: "j", name: "J", template: "t", variables });
        const document = JSON.parse(JSON.stringify(documentOf(jet))) as Record<string, unknown>;
        expect(read(document)).toEqual(jet);
      }),
    );
  });
});
