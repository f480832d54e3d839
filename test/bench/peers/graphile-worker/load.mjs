// The load process of graphile-worker; engines/graphile-worker.ts says what was tuned.
import { Logger, makeWorkerUtils } from "graphile-worker";
import { serveLoad } from "../../inside/serve-load.ts";
import { waiting } from "../../inside/waiting.ts";
import { listenTo } from "../listen.mjs";

const { DATABASE_URL } = process.env;

await serveLoad(async () => {
  const utils = await makeWorkerUtils({
    connectionString: DATABASE_URL,
    maxPoolSize: 16,
    logger: new Logger(() => () => undefined),
  });
  const callers = waiting();
  await listenTo(DATABASE_URL, "done", callers.ended);
  return {
    async act(id) {
      const end = callers.for(id);
      await utils.addJob("act", { id }, { jobKey: id });
      await end;
    },
    hold: async (id) => void (await utils.addJob("act", { id }, { jobKey: id })),
  };
});
