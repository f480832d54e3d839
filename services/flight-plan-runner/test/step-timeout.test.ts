import { describe, expect, it } from "vitest";
import { runStep } from "../src/steps/run-step.ts";
import { begin, contextOf, isAlive, run, stepOf } from "./step-bench.ts";

/** Prints its own process and a grandchild's, then waits; neither heeds SIGTERM. */
const STUBBORN = `trap '' TERM; sh -c 'echo $$ $PPID; trap "" TERM; while :; do sleep 60; done' & wait; wait`;

describe("a step that is out of its time", () => {
  it("is ended with its whole group, a grandchild that ignores SIGTERM too", async () => {
    const { line, ended } = await begin({ shell: STUBBORN, timeout: 400 }, { graceMs: 200 });
    const result = await ended;
    expect(result).toMatchObject({
      outcome: "ERROR",
      tries: 1,
      error: { code: "step_timeout", message: "did not end within 400 ms" },
    });
    expect(line.split(" ").map((pid) => isAlive(Number(pid)))).toEqual([false, false]);
  });

  it("may end in order: it gets SIGTERM first", async () => {
    const { result, stdout } = await run(
      { shell: `trap 'echo tidy; exit 0' TERM; echo up; while :; do sleep 0.02; done`, timeout: 300 },
      { graceMs: 5_000 },
    );
    expect(stdout).toBe("up\ntidy\n");
    expect(result).toMatchObject({ outcome: "ERROR", exitCode: 0, error: { code: "step_timeout" } });
  });

  it("is tried again, each try with the whole time", async () => {
    const { result, stdout } = await run({
      shell: "echo try; sleep 60",
      timeout: 150,
      retry: { attempts: 3, backoff: 10 },
    });
    expect(stdout).toBe("try\ntry\ntry\n");
    expect(result).toMatchObject({ tries: 3, error: { code: "step_timeout" } });
  });

  it("is not told so where its command had ended and only leftovers take their time", async () => {
    const { result } = await run(
      { shell: `(trap '' TERM; while :; do sleep 60; done) >/dev/null 2>&1 & sleep 0.05`, timeout: 400 },
      { graceMs: 600 },
    );
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, exitCode: 0 });
  });

  it("has time for ever where none is given, and longer than timers go", async () => {
    expect((await runStep(stepOf({ shell: "true", timeout: "60d" }), contextOf())).outcome).toBe("SUCCESS");
  });
});
