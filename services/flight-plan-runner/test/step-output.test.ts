import { describe, expect, it } from "vitest";
import { runStep } from "../src/steps/run-step.ts";
import { contextOf, eventually, run, stepOf } from "./step-bench.ts";

describe("the output of a step", () => {
  it("comes in order, each line with its stream", async () => {
    const seen: string[] = [];
    const output = (stream: string, chunk: Uint8Array): void => {
      for (const line of Buffer.from(chunk).toString().trim().split("\n")) seen.push(`${stream} ${line}`);
    };
    await run({ shell: "for i in 1 2 3; do echo o$i; echo e$i >&2; done" }, { output });
    expect(seen.filter((line) => line.startsWith("stdout"))).toEqual(["stdout o1", "stdout o2", "stdout o3"]);
    expect(seen.filter((line) => line.startsWith("stderr"))).toEqual(["stderr e1", "stderr e2", "stderr e3"]);
  });

  it("comes byte for byte", async () => {
    const chunks: Uint8Array[] = [];
    const all = Array.from({ length: 256 }, (_, byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
    await run({ shell: ["printf", all] }, { output: (_stream, chunk) => void chunks.push(chunk) });
    expect([...Buffer.concat(chunks)]).toEqual(Array.from({ length: 256 }, (_, byte) => byte));
  });

  it("is complete when the step has ended, however much it is and however slow its reader", async () => {
    let bytes = 0;
    const output = async (_stream: string, chunk: Uint8Array): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      bytes += chunk.length;
    };
    const { result } = await run({ shell: "head -c 3000000 /dev/zero" }, { output });
    expect(result.outcome).toBe("SUCCESS");
    expect(bytes).toBe(3_000_000);
  });

  it("stops the step while its reader takes no more", async () => {
    let bytes = 0;
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const output = (_stream: string, chunk: Uint8Array): Promise<void> => {
      bytes += chunk.length;
      return held;
    };
    let hasEnded = false;
    const ended = runStep(stepOf({ shell: "head -c 5000000 /dev/zero" }), contextOf({ output }));
    void ended.then(() => (hasEnded = true));
    await eventually(
      () => bytes,
      (count) => count > 0,
    );
    const before = bytes;
    await run({ shell: "sleep 0.2" });
    expect(bytes).toBe(before);
    expect(hasEnded).toBe(false);
    release();
    expect((await ended).outcome).toBe("SUCCESS");
    expect(bytes).toBe(5_000_000);
  });

  it("does not hold up a step that is canceled while its reader is stuck", async () => {
    const abort = new AbortController();
    const output = (): Promise<void> => {
      abort.abort();
      return new Promise(() => undefined);
    };
    const { result } = await run({ shell: "yes" }, { output, signal: abort.signal });
    expect(result).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
  });

  it("may fail to be taken without harm to the step", async () => {
    const output = (): void => {
      throw new Error("no room");
    };
    expect((await run({ shell: "echo a; sleep 0.05; echo b" }, { output })).result.outcome).toBe("SUCCESS");
    const rejects = (): Promise<void> => Promise.reject(new Error("no room"));
    expect((await run({ shell: "echo a; echo b" }, { output: rejects })).result.outcome).toBe("SUCCESS");
  });
});
