import { StateDefinition } from "@jetmesh/protocol";
import type { Refusal } from "@jetmesh/service-kit";
import { RefusedError } from "@jetmesh/service-kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ParsedDocument, parseDocuments } from "../src/parse-documents.ts";

const V1 = { apiVersion: "jetmesh/v1" };
const state = (reference: string): object => ({ ...V1, kind: "State", reference });
const parse = (...documents: unknown[]): ParsedDocument[] =>
  parseDocuments({ documents: documents.map((document) => ({ document })), dryRun: false });

interface SeenFault {
  readonly document: number;
  readonly source?: string;
  readonly path: (string | number)[];
  readonly message: string;
}

function refusalOf(run: () => unknown): Refusal & { readonly faults: SeenFault[] } {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof RefusedError)) throw thrown;
    return { ...thrown.refusal, faults: (thrown.refusal.details as { faults: SeenFault[] }).faults };
  }
  throw new Error("it was not refused");
}
const faultsOf = (...documents: unknown[]): SeenFault[] => refusalOf(() => parse(...documents)).faults;

describe("documents with faults", () => {
  it("are refused with every fault of every document at once, each with its document, source and path", () => {
    const refusal = refusalOf(() =>
      parseDocuments({
        documents: [
          { source: "a.yaml:1", document: { ...V1, kind: "State", reference: "Not Legal", sequence: -1 } },
          { source: "a.yaml:9", document: state("fine") },
          { document: { ...V1, kind: "Plan", reference: "p", steps: [{ shell: "true", wait: "1s" }] } },
          { source: "b.yaml:1", document: { ...V1, kind: "Ship" } },
        ],
        dryRun: false,
      }),
    );
    expect(refusal.code).toBe("invalid_request");
    expect(refusal.faults.map(({ document, source, path }) => ({ document, source, path }))).toEqual([
      { document: 0, source: "a.yaml:1", path: ["reference"] },
      { document: 0, source: "a.yaml:1", path: ["sequence"] },
      { document: 2, source: undefined, path: ["steps", 0] },
      { document: 3, source: "b.yaml:1", path: ["kind"] },
    ]);
  });

  it("are summed up in the message: how many, and where the first is", () => {
    const document = { ...V1, kind: "State", reference: "s", sequence: -1, color: "pink" };
    const { message } = refusalOf(() =>
      parseDocuments({ documents: [{ source: "a.yaml:3", document }], dryRun: false }),
    );
    expect(message).toMatch(/^2 faults; the first: a\.yaml:3 sequence: /);
    expect(refusalOf(() => parse({ ...document, color: "red" })).message).toMatch(
      /^1 fault; the first: document 1 sequence: /,
    );
  });

  it("are named at unknown keys, also those of a step or an action", () => {
    expect(faultsOf({ ...state("s"), colour: "red" })[0]?.message).toContain("colour");
    const steps = [{ shell: "true", timeOut: "1s" }];
    expect(faultsOf({ ...V1, kind: "Plan", reference: "p", steps })).toMatchObject([{ path: ["steps", 0] }]);
    const actions = [{ reference: "a", transit: "s", transition: "t" }];
    expect(faultsOf({ ...V1, kind: "Template", reference: "t", actions })).toMatchObject([
      { path: ["actions", 0] },
    ]);
  });

  it("are named at expressions that are none, and at broken templates, wherever they stand", () => {
    const steps = [{ when: "(", env: { A: "{{ b" }, shell: "true" }, { parallel: [{ shell: "{% if %}" }] }];
    const faults = faultsOf({ ...V1, kind: "Plan", reference: "p", steps });
    expect(faults.map(({ path }) => path)).toEqual([
      ["steps", 0, "when"],
      ["steps", 0, "env", "A"],
      ["steps", 1, "parallel", 0, "shell"],
    ]);
  });

  it("are told where the version or the kind is missing or another", () => {
    expect(faultsOf({ kind: "State", reference: "s" })).toMatchObject([{ path: ["apiVersion"] }]);
    expect(faultsOf({ ...state("s"), apiVersion: "jetmesh/v2" })).toMatchObject([{ path: ["apiVersion"] }]);
    expect(faultsOf({ ...state("s"), apiVersion: "jetmesh/v2", sequence: -1 })).toMatchObject([
      { path: ["apiVersion"] },
      { path: ["sequence"] },
    ]);
    for (const kind of [undefined, "state", "toString", "__proto__", 7, null])
      expect(faultsOf({ ...V1, kind, reference: "s" })).toMatchObject([{ path: ["kind"] }]);
  });

  it.each([[null], ["text"], [7], [[]], [undefined]])("are told where one is no mapping: %j", (document) => {
    expect(faultsOf(document)).toEqual([{ document: 0, path: [], message: "a document is a mapping" }]);
  });

  it("are told where the same thing is there twice, and name the first", () => {
    const [fault, ...more] = faultsOf(state("one"), state("two"), state("one"));
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ document: 2, path: ["reference"] });
    expect(fault?.message).toContain("first as document 1");
  });
});

describe("documents that are right", () => {
  it("come out in their order, with every default filled in", () => {
    const parsed = parse(state("one"), { ...V1, kind: "User", reference: "alice" });
    expect(parsed.map(({ index, definition }) => [index, definition.kind, definition.reference])).toEqual([
      [0, "State", "one"],
      [1, "User", "alice"],
    ]);
    expect(parsed[0]?.definition).toEqual(
      StateDefinition.parse({ kind: "State", reference: "one", name: "one" }),
    );
  });

  it("may be of different kinds under the same reference", () => {
    const plan = { ...V1, kind: "Plan", reference: "web", steps: [{ wait: 0 }] };
    expect(parse(state("web"), plan, { ...V1, kind: "Template", reference: "web" })).toHaveLength(3);
  });

  it("get their reference from their name, and their name from their reference", () => {
    const [byName, byReference] = parse({ ...V1, kind: "State", name: "  Up & Running " }, state("down"));
    expect(byName?.definition).toMatchObject({ reference: "up__running", name: "  Up & Running " });
    expect(byReference?.definition).toMatchObject({ reference: "down", name: "down" });
  });

  it("get the references of a template's actions from their names as well", () => {
    const [template] = parse({
      ...V1,
      kind: "Template",
      name: "Web server",
      actions: [
        { name: "Start it", transit: "starting" },
        { reference: "stop", transit: "stopping" },
      ],
    });
    expect(template?.definition).toMatchObject({
      reference: "web_server",
      actions: [
        { reference: "start_it", name: "Start it" },
        { reference: "stop", name: "stop" },
      ],
    });
  });

  it("say what is wrong where a name has nothing that a reference is made of", () => {
    expect(faultsOf({ ...V1, kind: "State", name: "***" })).toMatchObject([{ path: ["reference"] }]);
  });
});

describe("hostile input", () => {
  /** Anything that JSON can carry, now and then under the keys that the parser looks at. */
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 4 }),
    fc.record(
      {
        apiVersion: fc.constantFrom<unknown>("jetmesh/v1", "jetmesh/v2", 1),
        kind: fc.constantFrom<unknown>("State", "User", "Template", "Plan", "Jet", "__proto__", 1),
        reference: fc.oneof(fc.constantFrom("a", "A", ""), fc.jsonValue()),
        name: fc.oneof(fc.string(), fc.jsonValue()),
        actions: fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
        steps: fc.oneof(fc.array(fc.oneof(fc.constant({ shell: "true" }), fc.jsonValue())), fc.jsonValue()),
        users: fc.jsonValue(),
        variables: fc.jsonValue(),
        template: fc.jsonValue(),
      },
      { requiredKeys: [] },
    ),
  );

  it("is parsed or refused with faults, and nothing else is ever thrown", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (documents) => {
        try {
          const parsed = parse(...documents);
          expect(parsed).toHaveLength(documents.length);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(RefusedError);
          const { code, details } = (thrown as RefusedError).refusal;
          expect(code).toBe("invalid_request");
          const { faults } = details as { faults: SeenFault[] };
          expect(faults.length).toBeGreaterThan(0);
          for (const { document } of faults) expect(document).toBeLessThan(documents.length);
          // It goes over the wire as it is.
          expect(JSON.parse(JSON.stringify(faults))).toEqual(faults);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("leaves the prototype of objects alone", () => {
    const document = JSON.parse(
      '{"apiVersion":"jetmesh/v1","kind":"State","reference":"s","__proto__":{"polluted":true}}',
    ) as unknown;
    try {
      parse(document);
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(RefusedError);
    }
    expect("polluted" in {}).toBe(false);
  });
});
