import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { eventually, isAlive, run } from "./step-bench.ts";

const RUNNER = fileURLToPath(new URL("./one-step-runner.ts", import.meta.url));

/** The shell of the step, and a grandchild that ignores SIGTERM. */
const SCRIPT = `sh -c 'trap "" TERM; echo $PPID $$; while :; do sleep 60; done' & wait`;

const runners: ChildProcess[] = [];
afterEach(() => {
  for (const runner of runners.splice(0)) runner.kill("SIGKILL");
});

/** A process that runs one step, and the pids that the step printed first. */
async function startRunner(script: string, leaseMs = 0): Promise<{ runner: ChildProcess; pids: number[] }> {
  const runner = spawn(process.execPath, [RUNNER, script, String(leaseMs)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  runners.push(runner);
  for await (const line of createInterface({ input: runner.stdout })) {
    return { runner, pids: line.split(" ").map(Number) };
  }
  throw new Error("the runner ended before its step printed a line");
}

describe("a runner that is killed in a step", () => {
  it("leaves nothing of the step running, not even what ignores SIGTERM", async () => {
    const { runner, pids } = await startRunner(SCRIPT);
    expect(pids.map(isAlive)).toEqual([true, true]);
    runner.kill("SIGKILL");
    await eventually(
      () => pids.filter(isAlive),
      (alive) => alive.length === 0,
      2_000,
    );
  });

  it("leaves nothing either while the leftovers of a step are being ended", async () => {
    const { runner, pids } = await startRunner(
      `sh -c 'trap "" TERM; echo $PPID $$; while :; do sleep 60; done' & sleep 0.1`,
    );
    // The step's command ends, and its child has the grace of a minute.
    await eventually(
      () => pids.map(isAlive),
      ([command]) => command === false,
    );
    expect(pids.map(isAlive)).toEqual([false, true]);
    runner.kill("SIGKILL");
    await eventually(
      () => pids.filter(isAlive),
      (alive) => alive.length === 0,
      2_000,
    );
  });

  it("is not kept alive by its guard when all is done", async () => {
    const { runner } = await startRunner("echo 1");
    const code = await new Promise((resolve) => runner.once("exit", resolve));
    expect(code).toBe(0);
  });
});

describe("a runner that is stopped in a step", () => {
  it("loses what the step runs when its lease is over, and not before", async () => {
    const leaseMs = 2_000;
    const { runner, pids } = await startRunner(SCRIPT, leaseMs);
    // Longer than the lease: it is renewed.
    const until = performance.now() + 2 * leaseMs;
    await eventually(
      () => performance.now(),
      (now) => now > until,
      3 * leaseMs,
    );
    expect(pids.map(isAlive)).toEqual([true, true]);
    const stoppedAt = performance.now();
    runner.kill("SIGSTOP");
    await eventually(
      () => pids.filter(isAlive),
      (alive) => alive.length === 0,
      2 * leaseMs,
    );
    // A renewal may be a quarter old when it stops; the guard looks once a second.
    expect(performance.now() - stoppedAt).toBeGreaterThan(leaseMs / 2);
  });
});

describe("a guard that is killed", () => {
  it("is replaced, and the steps that run are guarded again", async () => {
    const { runner, pids } = await startRunner(SCRIPT);
    const first = await guardOf(runner);
    process.kill(first, "SIGKILL");
    await eventually(
      () => guardOf(runner),
      (guard) => guard !== 0 && guard !== first,
    );
    runner.kill("SIGKILL");
    await eventually(
      () => pids.filter(isAlive),
      (alive) => alive.length === 0,
      2_000,
    );
  });
});

/** The guard's pid; 0 where there is none. */
async function guardOf(runner: ChildProcess): Promise<number> {
  const { stdout } = await run({
    shell: ["sh", "-c", 'pgrep -P "$1" -f jetmesh-guard || true', "find", String(runner.pid)],
  });
  return Number(stdout);
}
