import { describe, expect, it } from "vitest";
import { inheritedFrom, stepEnvironment, variableEnvironment } from "../src/steps/environment.ts";
import { run } from "./step-bench.ts";

describe("the environment of a step's processes", () => {
  it("has what the mesh says and what the step says, which wins", async () => {
    const { stdout } = await run(
      { shell: 'echo "$JM_JET $MODE $JM_STEP"', env: { MODE: "{{ mode }}", JM_STEP: "mine" } },
      { environment: { JM_JET: "web1", JM_STEP: "launch" }, values: { mode: "production" } },
    );
    expect(stdout).toBe("web1 production mine\n");
  });

  it("has nothing of the runner's that could be a credential", async () => {
    const { stdout } = await run({ shell: ["env"] }, { environment: { JM_JET: "web1" } });
    const names = stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0]);
    const allowed = new Set(["PWD", "OLDPWD", "SHLVL", "_", ...Object.keys(stepEnvironment({ JM_JET: "" }))]);
    expect(names.filter((name) => !allowed.has(name ?? ""))).toEqual([]);
    expect(names).toContain("PATH");
  });

  it("takes the names that say where and in which language, and no others", () => {
    const runner = {
      PATH: "/bin",
      LC_ALL: "C",
      TZ: "UTC",
      NATS_CREDS_FILE: "/x",
      NATS_URL: "y",
      JM_USER: "z",
    };
    expect(inheritedFrom(runner)).toEqual({ PATH: "/bin", LC_ALL: "C", TZ: "UTC" });
  });

  it("has each variable in upper case, lists and objects as JSON", () => {
    expect(variableEnvironment({ port: 80, name: "a b", on: true, none: null, list: [1, { a: 2 }] })).toEqual(
      {
        JM_VAR_PORT: "80",
        JM_VAR_NAME: "a b",
        JM_VAR_ON: "true",
        JM_VAR_NONE: "",
        JM_VAR_LIST: '[1,{"a":2}]',
      },
    );
  });
});
