// The worker process of graphile-worker; engines/graphile-worker.ts says what was tuned.
import { Logger, run } from "graphile-worker";
import pg from "pg";
import { HOLD, serveWorker, stay } from "../../inside/serve-worker.ts";

const { DATABASE_URL } = process.env;

/** What has succeeded is kept and told in the statement that completes it. */
const KEEP_AND_TELL = `
  create table if not exists done (id text primary key, at timestamptz not null default now());
  create or replace function keep_and_tell() returns trigger language plpgsql as $$
  begin
    insert into done (id) select key from gone where last_error is null on conflict do nothing;
    perform pg_notify('done', key) from gone;
    return null;
  end $$;
  create or replace trigger keep_and_tell after delete on graphile_worker._private_jobs
    referencing old table as gone for each statement execute function keep_and_tell();
`;

await serveWorker(async () => {
  await run({
    logger: new Logger(() => (level, message) => level === "error" && console.error(message)),
    noHandleSignals: true,
    taskList: {
      act: async ({ id }) => (id.startsWith(HOLD) ? stay(id) : undefined),
    },
    preset: {
      worker: {
        connectionString: DATABASE_URL,
        concurrentJobs: 64,
        maxPoolSize: 16,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  });
  const client = new pg.Client({ connectionString: DATABASE_URL });
  await client.connect();
  // Two workers that start together would meet in the catalogue.
  await client.query("select pg_advisory_lock(1)");
  await client.query(KEEP_AND_TELL);
  await client.end();
});
