// The load process of DBOS; engines/dbos.ts says what was tuned.
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { serveLoad } from "../../inside/serve-load.ts";
import { waiting } from "../../inside/waiting.ts";

await serveLoad(async () => {
  const socket = connect(Number(process.env.WORKER_PORT), "127.0.0.1");
  socket.setNoDelay(true);
  await once(socket, "connect");
  // The worker is killed when take-over is measured.
  socket.on("error", () => undefined);
  const callers = waiting();
  createInterface({ input: socket }).on("line", (line) => {
    const [id, ...problem] = line.split(" ");
    if (problem.length === 0) callers.ended(id);
    else callers.failed(id, problem.join(" "));
  });
  const ask = (id) => socket.write(`${id}\n`);
  return {
    async act(id) {
      const end = callers.for(id);
      ask(id);
      await end;
    },
    hold: async (id) => void ask(id),
  };
});
