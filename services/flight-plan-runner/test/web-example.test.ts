import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { PlanDefinition, StateDefinition, type Step, TemplateDefinition } from "@jetmesh/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { variableEnvironment } from "../src/steps/environment.ts";
import { runStep } from "../src/steps/run-step.ts";
import { contextOf, eventually, isAlive } from "./step-bench.ts";

/** What the example's plans really do, step by step; what the mesh makes of them is tested elsewhere. */
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const { states, template, plans } = readExample();

describe("the example of a web server", () => {
  let dir = "";
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "jm-web-"));
  });
  afterAll(async () => {
    await runAction("stop", dir);
    await rm(dir, { recursive: true });
  });

  it("names only states and plans that it has", () => {
    const named = template.actions.flatMap(({ from, transit, to, error }) => [from, transit, to, error]);
    const known = new Set(states.map((state) => state.reference));
    expect(named.filter((reference) => reference !== undefined && !known.has(reference))).toEqual([]);
    expect(template.actions.map((action) => action.plan).sort()).toEqual([...plans.keys()].sort());
  });

  it("goes through its whole life, and each action may run again", { timeout: 60_000 }, async () => {
    await runAction("create", dir);
    await runAction("create", dir);
    await runAction("stop", dir);

    await runAction("start", dir);
    const first = serverIn(dir);
    const page = await fetch(`http://127.0.0.1:${String(first.port)}/`);
    expect(page.headers.get("x-jet")).toBe("web1");
    expect(await page.text()).toContain("<h1>web1</h1>");
    await runAction("start", dir);
    expect(serverIn(dir)).toEqual(first);

    await runAction("restart", dir);
    const second = serverIn(dir);
    expect(second.port).toBe(first.port);
    expect(second.pid).not.toBe(first.pid);
    expect([first.pid, second.pid].map(isAlive)).toEqual([false, true]);

    await runAction("stop", dir);
    await eventually(
      () => isAlive(second.pid),
      (alive) => !alive,
    );
    await expect(fetch(`http://127.0.0.1:${String(first.port)}/`)).rejects.toThrow();

    await runAction("destroy", dir);
    await runAction("destroy", dir);
    expect(existsSync(join(dir, "web1"))).toBe(false);
  });

  it("ends with its lifeline", { timeout: 30_000 }, async () => {
    const lifeline = spawn("sleep", ["60"], { stdio: "ignore" });
    try {
      await runAction("create", dir);
      await runAction("start", dir, { lifeline: lifeline.pid });
      const { pid } = serverIn(dir);
      expect(isAlive(pid)).toBe(true);
      lifeline.kill("SIGKILL");
      await eventually(
        () => isAlive(pid),
        (alive) => !alive,
        3_000,
      );
    } finally {
      lifeline.kill("SIGKILL");
    }
    await runAction("stop", dir);
    await runAction("destroy", dir);
  });
});

/** Runs the steps of the action's plan as a runner in the root of the repository would. */
async function runAction(reference: string, dir: string, argument: object = {}): Promise<void> {
  const action = template.actions.find((each) => each.reference === reference);
  const plan = plans.get(action?.plan ?? "");
  if (plan === undefined) throw new Error(`no plan for '${reference}'`);
  const variables = { ...template.variables, ...plan.variables, dir };
  for (const step of plan.steps) {
    let printed = "";
    const result = await runStep(
      inRoot(step),
      contextOf({
        values: {
          ...variables,
          outputs: {},
          jet: { reference: "web1", name: "Web one", state: action?.from ?? null },
          template: { reference: template.reference, name: template.name },
          action: { reference, name: action?.name, id: "test" },
          argument,
        },
        environment: { JM_JET: "web1", ...variableEnvironment(variables) },
        output: (_stream, chunk) => void (printed += Buffer.from(chunk).toString()),
      }),
    );
    expect({ reference, step: step.reference, ...result, printed }).toMatchObject({ outcome: "SUCCESS" });
  }
}

const inRoot = (step: Step): Step => ({ ...step, cwd: resolve(ROOT, step.cwd ?? ".") });

const serverIn = (dir: string): { pid: number; port: number } =>
  JSON.parse(readFileSync(join(dir, "web1", "server.json"), "utf8")) as { pid: number; port: number };

function readExample(): {
  states: StateDefinition[];
  template: TemplateDefinition;
  plans: Map<string, PlanDefinition>;
} {
  const text = readFileSync(join(ROOT, "examples/web/web.yaml"), "utf8");
  const documents = parseAllDocuments(text).map((document) => {
    const { apiVersion, ...definition } = document.toJS() as { apiVersion: string; kind: string };
    expect(apiVersion).toBe("jetmesh/v1");
    return definition;
  });
  const of = (kind: string): object[] => documents.filter((document) => document.kind === kind);
  return {
    states: of("State").map((document) => StateDefinition.parse(document)),
    template: TemplateDefinition.parse(of("Template")[0]),
    plans: new Map(
      of("Plan")
        .map((document) => PlanDefinition.parse(document))
        .map((plan) => [plan.reference, plan]),
    ),
  };
}
