import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, expect, test } from "vitest";
import { cpuMsOf, memoryOf, signalTrees } from "../process-usage.ts";

const children: ReturnType<typeof spawn>[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** A shell with a child of its own that has a processor for a while, however long it waits for one, and says when it is done. */
async function busyShell(): Promise<number> {
  const busy = `while (process.cpuUsage().user < 200_000);`;
  const child = spawn("sh", ["-c", `"${process.execPath}" -e '${busy}'; echo done; exec sleep 60`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  children.push(child);
  await once(child.stdout, "data");
  return child.pid ?? 0;
}

test("what a child used still counts when it has ended", async () => {
  expect(cpuMsOf([await busyShell()])).toBeGreaterThanOrEqual(100);
});

test("memory is counted for the tree, and nothing for a process that is not there", async () => {
  const pid = await busyShell();
  expect(memoryOf([process.pid])).toBeGreaterThan(memoryOf([pid]));
  expect(memoryOf([pid])).toBeGreaterThan(0);
  expect([cpuMsOf([2 ** 30]), memoryOf([2 ** 30])]).toEqual([0, 0]);
});

test("a signal reaches the tree, and one that is gone is no error", async () => {
  const pid = await busyShell();
  const [child] = children;
  signalTrees([pid, 2 ** 30], "SIGTERM");
  if (child !== undefined) await once(child, "exit");
  expect(child?.signalCode).toBe("SIGTERM");
});
