import { describe, expect, it } from "vitest";
import { eventually, isAlive, run } from "./step-bench.ts";

describe("what a step leaves behind", () => {
  it("is ended when the step ends", async () => {
    const { result, stdout } = await run({ shell: "sleep 60 >/dev/null 2>&1 & echo $!" });
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, exitCode: 0 });
    expect(isAlive(Number(stdout))).toBe(false);
  });

  it("is ended by SIGKILL where it ignores SIGTERM", async () => {
    const { result, stdout } = await run(
      { shell: `sh -c 'trap "" TERM; echo $$; while :; do sleep 60; done' & sleep 0.1` },
      { graceMs: 100 },
    );
    expect(result.outcome).toBe("SUCCESS");
    expect(isAlive(Number(stdout))).toBe(false);
  });

  it("lives on where it has left the session, even with the step's output in its hands", async () => {
    // Job control is off in a script, so setsid does not fork and $! is the process that leaves.
    const begun = performance.now();
    const { result, stdout } = await run({ shell: "setsid sleep 60 & echo $!; sleep 0.1" });
    const pid = Number(stdout);
    try {
      expect(result).toEqual({ outcome: "SUCCESS", tries: 1, exitCode: 0 });
      expect(isAlive(pid)).toBe(true);
      expect(performance.now() - begun).toBeLessThan(4_000);
    } finally {
      process.kill(pid, "SIGKILL");
    }
    await eventually(
      () => isAlive(pid),
      (alive) => !alive,
    );
  });

  it("may print for ever from another session without holding up the step", async () => {
    let said = "";
    const { result } = await run(
      { shell: "setsid yes & echo $! >&2; sleep 0.1" },
      { output: (stream, chunk) => void (said += stream === "stderr" ? Buffer.from(chunk).toString() : "") },
    );
    // It has been told meanwhile, by its broken pipe.
    const pid = Number.parseInt(said, 10);
    await eventually(
      () => isAlive(pid),
      (alive) => !alive,
    );
    expect(result.outcome).toBe("SUCCESS");
  });
});
