// The worker process of Restate; engines/restate.ts says what was tuned.
import { createServer } from "node:http2";
import * as restate from "@restatedev/restate-sdk";
import { HOLD, serveWorker, stay } from "../../inside/serve-worker.ts";

const bench = restate.service({
  name: "bench",
  handlers: {
    act: async (ctx, id) => {
      await ctx.run("noop", () => (id.startsWith(HOLD) ? stay(id) : undefined));
    },
  },
});

await serveWorker(async () => {
  const endpoint = restate
    .endpoint()
    .bind(bench)
    .setLogger((meta, ...words) => meta.level === "error" && console.error(...words));
  // Two workers share the port: the system gives a connection to one of them, and to the other when that is gone.
  await new Promise((resolve) => {
    createServer(endpoint.http2Handler()).listen(
      { port: Number(process.env.WORKER_PORT), host: "127.0.0.1", reusePort: true },
      resolve,
    );
  });
});
