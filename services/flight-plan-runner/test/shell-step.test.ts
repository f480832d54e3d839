import { spawnSync } from "node:child_process";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "./step-bench.ts";

describe("a shell step", () => {
  let dir = "";
  beforeEach(async () => {
    dir = await realpath(await mkdtemp(join(tmpdir(), "jm-step-")));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("runs a list as it is, without a shell reading it", async () => {
    const { result, stdout } = await run({ shell: ["printf", "%s|", "$HOME", "a b", "*", "; exit 3"] });
    expect(stdout).toBe("$HOME|a b|*|; exit 3|");
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, exitCode: 0 });
  });

  it("runs the program that a list names and not the shell's command of that name", async () => {
    const { result } = await run({ shell: ["exit", "0"] });
    expect(result).toMatchObject({ outcome: "ERROR", exitCode: 127, error: { code: "step_failed" } });
  });

  it("runs a string as a script", async () => {
    const { result, stdout } = await run({ shell: "for i in 1 2 3; do printf $i; done; exit 0" });
    expect(stdout).toBe("123");
    expect(result.outcome).toBe("SUCCESS");
  });

  it("runs a string that begins with a dash as a script too", async () => {
    const { result, stderr } = await run({ shell: "-no-such-command" });
    expect(result).toMatchObject({ outcome: "ERROR", exitCode: 127 });
    expect(stderr).toContain("not found");
  });

  it("runs in its working directory", async () => {
    const { stdout } = await run({ shell: ["pwd"], cwd: "{{ place }}" }, { values: { place: dir } });
    expect(stdout).toBe(`${dir}\n`);
  });

  it("fails by name where its working directory is missing", async () => {
    const { result } = await run({ shell: ["pwd"], cwd: join(dir, "missing") });
    expect(result).toMatchObject({
      outcome: "ERROR",
      error: { code: "step_failed", message: `cannot start in directory '${join(dir, "missing")}': ENOENT` },
    });
  });

  it("reads an empty standard input", async () => {
    const { stdout } = await run({ shell: "cat; readlink /proc/self/fd/0" });
    expect(stdout).toBe("/dev/null\n");
  });

  it("tells a failure by its exit code", async () => {
    const { result } = await run({ shell: "exit 7" });
    expect(result).toEqual({
      outcome: "ERROR",
      tries: 1,
      exitCode: 7,
      error: { code: "step_failed", message: "exited with code 7" },
    });
  });

  it("tells a failure by the signal that ended it, and adds nothing to its output", async () => {
    const { result, stderr } = await run({ shell: "kill -SEGV $$" });
    expect(result).toMatchObject({ outcome: "ERROR", error: { message: "was ended by SIGSEGV" } });
    expect(stderr).toBe("");
  });

  it("fails where its command cannot be started at all", async () => {
    const tooLong = await run({ shell: ["true", "x".repeat(200_000)] });
    expect(tooLong.result).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
    const nul = await run({ shell: ["echo", "a\0b"] });
    expect(nul.result).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
  });

  it("begins with the signals as they are by default", async () => {
    const { stdout } = await run({ shell: ["grep", "SigIgn", "/proc/self/status"] });
    expect(stdout.split(/\s+/)[1]).toMatch(/^0+$/);
  });

  it("sees no file of the runner but its three streams", async () => {
    const list = ["ls", "/proc/self/fd"];
    const { stdout } = await run({ shell: list });
    // What this process was given to hand on by whoever started it, a plain child has as well.
    const plain = spawnSync("/bin/sh", ["-c", list.join(" ")], { encoding: "utf8" }).stdout;
    expect(stdout).toBe(plain);
  });
});
