// node halt.mjs DIR: ends the site's server and waits until it no longer answers. Nothing to do is fine.
import { rmSync } from "node:fs";
import { findServer, run, siteAt, until } from "./site.mjs";

run(async () => {
  const site = siteAt(process.argv[2]);
  const server = await findServer(site);
  if (server !== undefined) {
    // The server itself has just said that this is its pid.
    signal(server.pid, "SIGTERM");
    const hasEnded = async () => ((await findServer(site)) === undefined ? true : undefined);
    try {
      await until(hasEnded, 5_000, "it goes on");
    } catch {
      signal(server.pid, "SIGKILL");
      await until(hasEnded, 5_000, `process ${server.pid} does not end`);
    }
  }
  rmSync(site.server, { force: true });
  return server === undefined ? "it does not run" : `ended process ${server.pid}`;
});

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
