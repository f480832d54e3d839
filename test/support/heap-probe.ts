import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Loaded into a service by NODE_OPTIONS: at SIGUSR2 it collects, and writes down under its process id what is left in use. */
process.on("SIGUSR2", () => {
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  // What a finalizer has let go of is collected by the next.
  collect?.();
  writeFileSync(
    join(process.env["JM_PROBE_DIR"] ?? ".", `${process.pid}.heap`),
    String(process.memoryUsage().heapUsed),
  );
});
