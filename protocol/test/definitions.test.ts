import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import {
  Definition,
  Duration,
  definitionKey,
  JetDefinition,
  PlanDefinition,
  parseDuration,
  StateDefinition,
  Step,
  stepReference,
  TemplateDefinition,
  UserDefinition,
  verbOf,
} from "../src/index.ts";
import { SAMPLE } from "./design-sample.ts";

const NKEY = `U${"A".repeat(55)}`;
const sample = parseAllDocuments(SAMPLE).map((document) => document.toJS() as Record<string, unknown>);
const of = (kind: string): Record<string, unknown> => {
  const found = sample.find((document) => document["kind"] === kind);
  if (found === undefined) throw new Error(`no ${kind} in the sample`);
  return structuredClone(found);
};
interface Schema {
  safeParse(value: unknown): {
    success: boolean;
    error?: { issues: readonly { path: PropertyKey[]; message: string }[] };
  };
}
const faults = (schema: Schema, value: unknown): string[] =>
  (schema.safeParse(value).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);
const step = (more: object): string[] => faults(Step, { shell: "true", ...more });
const template = (more: object): string[] =>
  faults(TemplateDefinition, { kind: "Template", reference: "web", name: "Web", ...more });
const action = (more: object): object => ({
  reference: "start",
  name: "Start",
  transit: "starting",
  ...more,
});

describe("the sample of design §10", () => {
  it("has its State taken as it is", () => {
    expect(StateDefinition.parse(of("State"))).toEqual({ ...of("State"), note: "" });
  });

  it("has its User taken, but for the public key, which is no whole one", () => {
    expect(faults(UserDefinition, of("User"))).toEqual([
      "publicKey: must be the public key of a user's nkey",
    ]);
    expect(UserDefinition.parse({ ...of("User"), publicKey: NKEY })).toMatchObject({
      level: "user",
      publicKey: NKEY,
    });
  });

  it("has its Template taken", () => {
    const taken = TemplateDefinition.parse(of("Template"));
    expect(taken).toMatchObject({
      limit: 0,
      onBusy: "refuse",
      pool: "default",
      variables: { port: 8080 },
      requires: [{ template: "db", state: "running", actions: ["start"], otherwise: "refuse" }],
    });
    expect(taken.actions[0]).toMatchObject({
      accessLevel: "user",
      delays: { start: 0, main: 120_000, progress: 600_000, deadline: 0, frequency: 10_000 },
      repeat: { error: 0, success: 0, backoff: 10_000 },
      rollbackOnError: false,
    });
  });

  it("has its Plan taken", () => {
    const plan = of("Plan");
    const taken = PlanDefinition.parse(plan);
    expect(taken).toMatchObject({ timeout: 0, onError: "stop", parallel: false, finally: [] });
    expect(taken.steps[0]).toMatchObject({
      when: "port > 0",
      onExit: [{ when: "code == 3", do: "next" }],
      capture: { pid: "stdout" },
      timeout: 60_000,
      retry: { attempts: 1, backoff: 1_000, factor: 2, max: 60_000, jitter: true },
    });
    expect(taken.steps[1]).toMatchObject({
      http: { method: "GET", expect: 200 },
      retry: { attempts: 20, backoff: 250 },
    });
  });

  it("has its Jet taken", () => {
    expect(JetDefinition.parse(of("Jet"))).toEqual(of("Jet"));
  });
});

describe("what is left out", () => {
  it("is filled in with the default that the design shows", () => {
    expect(StateDefinition.parse({ kind: "State", reference: "a", name: "A" })).toEqual({
      ...{ kind: "State", reference: "a", name: "A", note: "" },
      ...{ sequence: 10, color: "grey", accessLevel: "user" },
    });
    expect(UserDefinition.parse({ kind: "User", reference: "a", name: "A" }).level).toBe("user");
    expect(TemplateDefinition.parse({ kind: "Template", reference: "a", name: "A" })).toEqual({
      ...{
        kind: "Template",
        reference: "a",
        name: "A",
        note: "",
        accessLevel: "manager",
        users: [],
        managers: [],
      },
      ...{ limit: 0, onBusy: "refuse", variables: {}, requires: [], actions: [] },
    });
    expect(
      TemplateDefinition.parse({ kind: "Template", reference: "a", name: "A", actions: [action({})] })
        .actions[0],
    ).toEqual({
      ...{
        reference: "start",
        name: "Start",
        transit: "starting",
        priority: 10,
        accessLevel: "manager",
        delays: {},
        note: "",
      },
      ...{ repeat: { error: 0, success: 0, backoff: 10_000 }, rollbackOnError: false },
    });
    expect(
      PlanDefinition.parse({ kind: "Plan", reference: "a", name: "A", steps: [{ wait: "1s" }] }),
    ).toMatchObject({
      ...{ accessLevel: "manager", timeout: 0, onError: "stop", parallel: false, variables: {}, finally: [] },
      steps: [{ wait: 1_000, timeout: 0, idempotent: false, env: {} }],
    });
  });
});

describe("a template", () => {
  it("refuses a limit that could not be counted in one record", () => {
    expect(template({ limit: 5_000 })).toEqual([]);
    expect(template({ limit: 5_001 })).toHaveLength(1);
  });

  it("refuses requirements of itself, twice of one, and for actions that are not there", () => {
    const required = (more: object): object => ({ template: "db", state: "running", ...more });
    const requires = [required({}), required({ actions: ["nothing"] }), required({ template: "t" })];
    expect(template({ reference: "t", name: "t", requires })).toEqual([
      "requires.1.template: template 'db' is required twice",
      "requires.1.actions.0: there is no action 'nothing'",
      "requires.2.template: a template cannot require itself",
    ]);
  });
});

describe("an unknown key", () => {
  it.each([
    [StateDefinition, { kind: "State", reference: "a", name: "A" }],
    [UserDefinition, { kind: "User", reference: "a", name: "A" }],
    [TemplateDefinition, { kind: "Template", reference: "a", name: "A" }],
    [PlanDefinition, { kind: "Plan", reference: "a", name: "A", steps: [{ wait: 1 }] }],
    [JetDefinition, { kind: "Jet", reference: "a", name: "A", template: "web" }],
  ] as const)("is refused by name in a document", (schema, document) => {
    expect(faults(schema, document)).toEqual([]);
    expect(faults(schema, { ...document, colour: "red" })).toEqual([expect.stringContaining('"colour"')]);
  });

  it("is refused within an action, its delays, a step, its retry and its request", () => {
    for (const odd of [{ odd: 1 }, { delays: { odd: 1 } }, { repeat: { odd: 1 } }]) {
      expect(template({ actions: [action(odd)] })).toEqual([expect.stringContaining('"odd"')]);
    }
    expect([step({ odd: 1 }), step({ retry: { odd: 1 } })].flat()).toHaveLength(2);
    expect(faults(Step, { http: { url: "http://a/", odd: 1 } })).toEqual([expect.stringContaining('"odd"')]);
  });
});

describe("a template", () => {
  it("has no two actions of one reference", () => {
    expect(template({ actions: [action({}), action({})] })).toEqual([
      "actions.1.reference: action 'start' is there twice",
    ]);
  });

  it("has actions with a plan, with a kind to run, or with neither, but not with both", () => {
    expect(template({ actions: [action({ plan: "p" })] })).toEqual([]);
    expect(template({ actions: [action({})] })).toEqual([]);
    expect(template({ actions: [action({ run: { kind: "k" } })] })).toEqual([]);
    expect(template({ actions: [action({ plan: "p", run: { kind: "k" } })] })).toEqual([
      "actions.0.run: an action has a plan or runs a kind, not both",
    ]);
  });

  it("has actions with a transit", () => {
    expect(template({ actions: [{ reference: "a", name: "A" }] })).toEqual([
      expect.stringMatching(/^actions\.0\.transit: /),
    ]);
  });

  it("has variables whose names an expression can use", () => {
    expect(template({ variables: { "not-a-name": 1 } })).toHaveLength(1);
  });
});

describe("a step", () => {
  const VERBS = "shell, ssh, http, file, wait, plan, action, jet, approve, parallel";
  it("does exactly one thing", () => {
    expect(faults(Step, {})).toEqual([`: a step has exactly one of ${VERBS}`]);
    expect(faults(Step, { shell: "true", wait: 1 })).toEqual([`: a step has exactly one of ${VERBS}`]);
  });

  it.each([
    ["cwd", { plan: "p", cwd: "/srv" }, "cwd does not belong to a plan step"],
    ["env", { action: { kind: "k" }, env: { A: "1" } }, "env does not belong to an action step"],
    ["retry", { wait: 1, retry: { attempts: 2 } }, "retry does not belong to a wait step"],
    ["timeout", { plan: "p", timeout: "1s" }, "timeout does not belong to a plan step"],
    ["undo", { approve: {}, undo: { shell: "true" } }, "undo does not belong to an approve step"],
    [
      "capture",
      { jet: { reference: "j", state: "s" }, capture: { a: "b" } },
      "capture does not belong to a jet step",
    ],
    [
      "parallel",
      { parallel: [{ shell: "a" }], idempotent: true },
      "idempotent does not belong to a parallel step",
    ],
  ])("has no %s where that means nothing", (key, given, message) => {
    expect(faults(Step, given)).toEqual([`${key === "parallel" ? "idempotent" : key}: ${message}`]);
    // What has its default says nothing.
    expect(faults(Step, Step.parse({ wait: 1 }))).toEqual([]);
  });

  it("is no group inside a group, which is a plan of its own", () => {
    expect(faults(Step, { parallel: [{ parallel: [{ wait: 1 }] }] })[0]).toBe(
      "parallel.0.parallel: a group inside a group is a plan of its own",
    );
  });

  it("waits for a while or until exactly one thing succeeds, and not too often", () => {
    expect(faults(Step, { wait: { until: { shell: "true" } } })).toEqual([]);
    expect(faults(Step, { wait: { until: {} } })).toHaveLength(1);
    expect(faults(Step, { wait: { until: { shell: "true", every: 10 } } })).toHaveLength(1);
  });

  it("names one jet or a template, and an action or a state", () => {
    expect(faults(Step, { jet: { reference: "a", template: "t", action: "x" } })).toEqual([
      "jet: names exactly one of reference, template",
    ]);
    expect(faults(Step, { jet: { reference: "a" } })).toEqual(["jet: has exactly one of action, state"]);
  });

  it("has a code where its rule exits, and only there", () => {
    expect(step({ onExit: [{ when: "true", do: "exit" }] })).toHaveLength(1);
    expect(step({ onExit: [{ when: "true", do: "stop", code: 1 }] })).toHaveLength(1);
    expect(step({ onExit: [{ when: "true", do: "exit", code: 1 }] })).toEqual([]);
  });

  it("is known by its reference, else by its place", () => {
    expect(stepReference(Step.parse({ wait: 1 }), 1)).toBe("step-2");
    expect(stepReference(Step.parse({ reference: "nap", wait: 1 }), 1)).toBe("nap");
    const twice = {
      kind: "Plan",
      reference: "p",
      name: "P",
      steps: [{ reference: "step-2", wait: 1 }, { wait: 1 }],
    };
    expect(faults(PlanDefinition, twice)).toEqual(["steps.1: step 'step-2' is there twice"]);
  });

  it.each([
    ["shell", { shell: ["ls"] }],
    ["ssh", { ssh: { host: "h", user: "u", agent: true, command: "ls" } }],
    ["http", { http: { url: "http://a/" } }],
    ["wait", { wait: 0 }],
    ["plan", { plan: "p" }],
    ["action", { action: { kind: "k" } }],
    ["jet", { jet: { reference: "j", state: "s" } }],
    ["approve", { approve: {} }],
    ["parallel", { parallel: [{ wait: 0 }] }],
  ] as const)("says that it is a %s", (verb, given) => {
    expect(verbOf(Step.parse(given))).toBe(verb);
  });

  it.each([null, 5, "sh", []])("is no %j", (value) => {
    expect(Step.safeParse(value).success).toBe(false);
  });
});

describe("a duration", () => {
  it.each([
    ["250ms", 250],
    ["30s", 30_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["1.5h", 5_400_000],
    ["250", 250],
    [" 5 m ", 300_000],
    [0, 0],
    [1.4, 1],
  ])("%j is %d ms", (written, ms) => {
    expect(Duration.parse(written)).toBe(ms);
  });

  it.each(["", "5 minutes", "-5s", "5w", "s", "1e3", "NaN", -1, NaN, Infinity, "367d", null, true, {}])(
    "is not %j",
    (written) => {
      expect(Duration.safeParse(written).success).toBe(false);
    },
  );

  it("is undefined where a text is none", () => {
    expect(parseDuration("soon")).toBeUndefined();
  });
});

describe("a definition of any kind", () => {
  it("is told by its kind, and kept under its kind and reference", () => {
    expect(Definition.parse(parse("{ kind: State, reference: running, name: Running }"))).toMatchObject({
      kind: "State",
    });
    expect(Definition.safeParse({ kind: "Server", reference: "a", name: "A" }).success).toBe(false);
    expect(definitionKey("Template", "web")).toBe("template.web");
  });

  it("needs a reference: whoever reads the document makes it of the name first", () => {
    expect(faults(StateDefinition, { kind: "State", name: "A" })).toEqual([
      expect.stringMatching(/^reference: /),
    ]);
  });
});
