import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { begin, isAlive, run } from "./step-bench.ts";

describe("a step whose signal fires", () => {
  it("ends with all of its processes, and says that it was canceled", async () => {
    const abort = new AbortController();
    const { line, ended } = await begin(
      { shell: "sleep 60 & echo $$ $!; wait", retry: { attempts: 5, backoff: 1 } },
      { signal: abort.signal },
    );
    abort.abort();
    expect(await ended).toEqual({
      outcome: "ERROR",
      tries: 1,
      error: { code: "canceled", message: "canceled" },
    });
    expect(line.split(" ").map((pid) => isAlive(Number(pid)))).toEqual([false, false]);
  });

  it("says what the signal's reason says", async () => {
    const abort = new AbortController();
    const { ended } = await begin({ shell: "echo; sleep 60" }, { signal: abort.signal });
    abort.abort({ code: "main_timeout", message: "main ran out of its delay" });
    expect(await ended).toMatchObject({
      error: { code: "main_timeout", message: "main ran out of its delay" },
    });
  });

  it("does not begin where it has fired before", async () => {
    const { result, stdout } = await run({ shell: "echo no" }, { signal: AbortSignal.abort() });
    expect(result).toMatchObject({ outcome: "ERROR", tries: 0, error: { code: "canceled" } });
    expect(stdout).toBe("");
  });

  it("does not wait for its next try", async () => {
    const abort = new AbortController();
    const { ended } = await begin(
      { shell: "echo; exit 4", retry: { attempts: 2, backoff: "1h" } },
      { signal: abort.signal },
    );
    abort.abort();
    expect(await ended).toMatchObject({ tries: 1, exitCode: 4, error: { code: "canceled" } });
  });

  it("leaves no listener on the signal, however often it was tried", async () => {
    const { signal } = new AbortController();
    await run({ shell: "exit 1", retry: { attempts: 4, backoff: 1 }, timeout: "1m" }, { signal });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
