import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { documentOf, documentSchema, StoredDefinition } from "../src/index.ts";
import { SAMPLE } from "./design-sample.ts";

const ROOT = new URL("../../", import.meta.url);
const textOf = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");
const validate = new Ajv2020({ allowUnionTypes: true, strict: false }).compile(documentSchema());
const faultsOf = (document: unknown): string[] =>
  validate(document)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message ?? ""}`);
const plan = (step: object, more: object = {}): object => ({
  ...{ apiVersion: "jetmesh/v1", kind: "Plan", reference: "p", steps: [step] },
  ...more,
});

describe("the JSON Schema of documents", () => {
  it("is the one that is published", () => {
    // `./jm schema > schemas/jetmesh.schema.json` writes it anew.
    expect(textOf("schemas/jetmesh.schema.json")).toBe(`${JSON.stringify(documentSchema(), null, 2)}\n`);
  });

  const examples = readdirSync(new URL("examples/", ROOT), { recursive: true })
    .map(String)
    .filter((file) => file.endsWith(".yaml"));
  it.each(examples)("takes examples/%s", (file) => {
    for (const document of parseAllDocuments(textOf(`examples/${file}`)))
      expect(faultsOf(document.toJS())).toEqual([]);
  });

  it("takes the sample of design §10, but for the public key, which is no whole one", () => {
    for (const document of parseAllDocuments(SAMPLE)) {
      const { publicKey: _key, ...rest } = document.toJS() as Record<string, unknown>;
      expect(faultsOf({ apiVersion: "jetmesh/v1", ...rest })).toEqual([]);
    }
  });

  it("takes whatever is exported", () => {
    const stored = JSON.parse(textOf("protocol/test/golden/StoredDefinition.json")) as unknown[];
    for (const one of stored)
      expect(faultsOf(documentOf(StoredDefinition.parse(one).definition))).toEqual([]);
  });

  it.each([
    ["another version", plan({ wait: 1 }, { apiVersion: "jetmesh/v2" })],
    ["another kind", plan({ wait: 1 }, { kind: "Plans" })],
    ["no name", { apiVersion: "jetmesh/v1", kind: "State" }],
    ["an unknown key", plan({ wait: 1 }, { colour: "red" })],
    ["an unknown key of a step", plan({ wait: 1, odd: 1 })],
    ["a step that does nothing", plan({ name: "nothing" })],
    ["a step that does two things", plan({ wait: 1, shell: "true" })],
    ["two things in a group", plan({ parallel: [{ wait: 1, shell: "true" }] })],
    ["a rule that does what there is not", plan({ shell: "true", onExit: [{ when: "true", do: "jump" }] })],
    ["a duration that is a list", plan({ wait: [1] })],
  ])("does not take %s", (_what, document) => {
    expect(faultsOf(document)).not.toEqual([]);
  });

  it.each([
    ["a duration as text", plan({ wait: "30s", timeout: "1m" })],
    [
      "a called plan by its name, or with variables",
      plan({ parallel: [{ plan: "q" }, { plan: { reference: "q", variables: { a: 1 } } }] }),
    ],
    ["a name in place of a reference", { apiVersion: "jetmesh/v1", kind: "State", name: "Up and running" }],
  ])("takes %s", (_what, document) => {
    expect(faultsOf(document)).toEqual([]);
  });
});
