// The load process of pg-boss; engines/pg-boss.ts says what was tuned.
import { randomUUID } from "node:crypto";
import { PgBoss } from "pg-boss";
import { serveLoad } from "../../inside/serve-load.ts";
import { waiting } from "../../inside/waiting.ts";
import { listenTo } from "../listen.mjs";

const { DATABASE_URL } = process.env;

await serveLoad(async () => {
  const boss = new PgBoss({
    connectionString: DATABASE_URL,
    max: 16,
    migrate: false,
    supervise: false,
    schedule: false,
  });
  boss.on("error", (error) => console.error(error.message));
  await boss.start();
  const callers = waiting();
  await listenTo(DATABASE_URL, "done", callers.ended);
  return {
    // Its ids are UUIDs.
    async act(name) {
      const id = randomUUID();
      const end = callers.for(id);
      await boss.send("bench", { name }, { id });
      await end;
    },
    hold: async (name) => void (await boss.send("bench", { name }, { id: randomUUID() })),
  };
});
