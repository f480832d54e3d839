// The worker process of pg-boss; engines/pg-boss.ts says what was tuned.
import pg from "pg";
import { PgBoss } from "pg-boss";
import { HOLD, serveWorker, stay } from "../../inside/serve-worker.ts";

const { DATABASE_URL } = process.env;

const TELL = `
  create or replace function tell() returns trigger language plpgsql as $$
  begin
    perform pg_notify('done', new.id::text);
    return null;
  end $$;
  create or replace trigger tell after update of state on pgboss.job
    for each row when (new.state = 'completed') execute function tell();
`;

await serveWorker(async () => {
  const boss = new PgBoss({ connectionString: DATABASE_URL, max: 8, useListenNotify: true, schedule: false });
  boss.on("error", (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue("bench", { notify: true });
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  await client.query("select pg_advisory_lock(1)");
  await client.query(TELL);
  await client.end();
  const options = {
    batchSize: 256,
    localConcurrency: 2,
    burstWhenBatchFull: true,
    pollingIntervalSeconds: 0.5,
  };
  await boss.work("bench", options, (jobs) =>
    Promise.all(jobs.map(async ({ data: { name } }) => (name.startsWith(HOLD) ? stay(name) : undefined))),
  );
});
