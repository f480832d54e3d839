// The worker process of BullMQ; engines/bullmq.ts says what was tuned.
import { Worker } from "bullmq";
import { HOLD, serveWorker, stay } from "../../inside/serve-worker.ts";

const { REDIS_PORT, CONCURRENCY } = process.env;

await serveWorker(async () => {
  const worker = new Worker("bench", async (job) => (job.id.startsWith(HOLD) ? stay(job.id) : undefined), {
    connection: { host: "127.0.0.1", port: Number(REDIS_PORT), maxRetriesPerRequest: null },
    concurrency: Number(CONCURRENCY),
  });
  worker.on("error", (error) => console.error(error.message));
  await worker.waitUntilReady();
});
