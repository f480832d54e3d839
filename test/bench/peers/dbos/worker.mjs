// The worker process of DBOS; engines/dbos.ts says what was tuned.
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { DBOS } from "@dbos-inc/dbos-sdk";
import { HOLD, serveWorker, stay } from "../../inside/serve-worker.ts";

const { DATABASE_URL, WORKER_PORT } = process.env;

await serveWorker(async () => {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: DATABASE_URL,
    systemDatabasePoolSize: 32,
    logLevel: "error",
    applicationVersion: "1",
    executorID: `worker-${process.pid}`,
  });
  const act = DBOS.registerWorkflow(
    async (id) => {
      await DBOS.runStep(async () => (id.startsWith(HOLD) ? stay(id) : undefined), { name: "noop" });
    },
    { name: "act" },
  );
  await DBOS.launch();

  const answer = async (id, socket) => {
    try {
      const handle = await DBOS.startWorkflow(act, { workflowID: id })(id);
      await handle.getResult();
      socket.write(`${id}\n`);
    } catch (error) {
      socket.write(`${id} ${error.message.replaceAll("\n", " ")}\n`);
    }
  };
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    createInterface({ input: socket }).on("line", (id) => void answer(id, socket));
  });
  // Two workers share the port: the system gives a connection to one of them.
  await new Promise((resolve) => {
    server.listen({ port: Number(WORKER_PORT), host: "127.0.0.1", reusePort: true }, resolve);
  });
});
