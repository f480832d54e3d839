// One connection that listens, for callers of the engines on PostgreSQL.
import pg from "pg";

export async function listenTo(connectionString, channel, hear) {
  const client = new pg.Client({ connectionString });
  await client.connect();
  client.on("notification", ({ payload }) => hear(payload));
  await client.query(`listen ${channel}`);
}
