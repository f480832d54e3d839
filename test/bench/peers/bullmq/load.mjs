// The load process of BullMQ; engines/bullmq.ts says what was tuned.
import { Queue, QueueEvents } from "bullmq";
import { serveLoad } from "../../inside/serve-load.ts";
import { waiting } from "../../inside/waiting.ts";

const connection = { host: "127.0.0.1", port: Number(process.env.REDIS_PORT) };
/** The record of a success is kept for a day, as ours is. */
const options = { removeOnComplete: { age: 86_400 } };

await serveLoad(async () => {
  const queue = new Queue("bench", { connection });
  const events = new QueueEvents("bench", { connection });
  const callers = waiting();
  events.on("completed", ({ jobId }) => callers.ended(jobId));
  events.on("failed", ({ jobId, failedReason }) => callers.failed(jobId, failedReason));
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
  return {
    async act(id) {
      const end = callers.for(id);
      await queue.add("act", { id }, { ...options, jobId: id });
      await end;
    },
    hold: async (id) => void (await queue.add("act", { id }, { ...options, jobId: id })),
  };
});
