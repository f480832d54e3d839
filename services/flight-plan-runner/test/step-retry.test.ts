import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { run } from "./step-bench.ts";

/** Succeeds once it has been called `times` times. */
const SUCCEEDS_AT = (times: number): string => `echo x >> count; [ $(wc -l < count) -ge ${String(times)} ]`;

describe("a step with retries", () => {
  let dir = "";
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "jm-retry-"));
  });
  afterEach(() => rm(dir, { recursive: true }));

  it("is tried until it succeeds, and says how often", async () => {
    const { result } = await run({
      shell: SUCCEEDS_AT(3),
      cwd: dir,
      retry: { attempts: 5, backoff: 1 },
    });
    expect(result).toEqual({ outcome: "SUCCESS", tries: 3, exitCode: 0 });
  });

  it("fails with its last try once there are no more", async () => {
    const { result } = await run({ shell: SUCCEEDS_AT(9), cwd: dir, retry: { attempts: 4, backoff: 1 } });
    expect(result).toMatchObject({ outcome: "ERROR", tries: 4, exitCode: 1, error: { code: "step_failed" } });
  });

  it("waits longer after each try", async () => {
    const begun = performance.now();
    await run({ shell: "false", retry: { attempts: 4, backoff: 50, factor: 2, jitter: false } });
    expect(performance.now() - begun).toBeGreaterThan(50 + 100 + 200);
  });
});
