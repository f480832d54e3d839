import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GCProfiler } from "node:v8";

/**
 * Loaded into a service by NODE_OPTIONS: counts the bytes that it allocates on its heap between two SIGUSR2, and
 * writes them down under its process id. What a collection found in use, less what the one before it left, is what was
 * allocated between the two; so the figure depends on what the code does, and not on when anything was collected.
 */
interface Collection {
  readonly beforeGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
  readonly afterGC: { readonly heapStatistics: { readonly usedHeapSize: number } };
}

let profiler: GCProfiler | undefined;
let usedAtStart = 0;

process.on("SIGUSR2", () => {
  if (profiler === undefined) {
    profiler = new GCProfiler();
    profiler.start();
    usedAtStart = process.memoryUsage().heapUsed;
    return;
  }
  const usedAtEnd = process.memoryUsage().heapUsed;
  const { statistics } = profiler.stop() as unknown as { readonly statistics: readonly Collection[] };
  profiler = undefined;
  let allocated = 0;
  let left = usedAtStart;
  for (const { beforeGC, afterGC } of statistics) {
    allocated += Math.max(0, beforeGC.heapStatistics.usedHeapSize - left);
    left = afterGC.heapStatistics.usedHeapSize;
  }
  allocated += Math.max(0, usedAtEnd - left);
  writeFileSync(
    join(process.env["JM_PROBE_DIR"] ?? ".", `${process.pid}.json`),
    JSON.stringify({ allocated }),
  );
});
