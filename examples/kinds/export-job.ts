import { defineAction, failure, inProgress, runRunner, success } from "@jetmesh/sdk";
import { z } from "zod";

/**
 * A job that somebody else runs, watched by polling: main starts it, and holds no runner while it runs; the watcher asks what
 * became of it. Main sends its id as a key, so that a start whose answer was lost is not another job.
 */
const Job = z.object({
  id: z.string(),
  status: z.enum(["running", "done", "failed"]),
  file: z.string().optional(),
});

async function ask(url: string, init?: RequestInit): Promise<z.output<typeof Job>> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} answered ${String(response.status)}`);
  return Job.parse(await response.json());
}

const exportJob = defineAction({
  kind: "export-job",
  argument: z.object({ server: z.url(), table: z.string() }),
  result: z.object({ file: z.string() }),
  frequency: "1s",
  delays: { main: "30s", progress: "1h" },
  main: async ({ argument: { server, table }, id, bag, signal }) => {
    const body = JSON.stringify({ table });
    const job = await ask(`${server}/jobs`, {
      method: "POST",
      body,
      headers: { "Idempotency-Key": id },
      signal,
    });
    bag["job"] = job.id;
    return inProgress(200);
  },
  watcher: async ({ argument: { server }, bag, id, signal }) => {
    // Without an answer to its start the job is known by its key.
    const job = await ask(`${server}/jobs/${typeof bag["job"] === "string" ? bag["job"] : id}`, { signal });
    if (job.status === "failed") return failure("export_failed", `job ${job.id} failed`);
    return job.status === "done" ? success({ file: job.file ?? "" }) : inProgress();
  },
});

await runRunner({ kinds: [exportJob] });
