// node launch.mjs DIR [LIFELINE]: starts the site's server, unless it runs, and waits until it answers.
import { spawn } from "node:child_process";
import { openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { keepLifeline } from "./lifeline.mjs";
import { findServer, readJson, run, siteAt, until } from "./site.mjs";

const SERVER = join(dirname(fileURLToPath(import.meta.url)), "server.mjs");

run(async () => {
  const [dir, given = "0"] = process.argv.slice(2);
  const site = siteAt(dir);
  if (readJson(site.settings) === undefined) throw new Error(`${site.path} was not created`);
  const running = await findServer(site);
  if (running !== undefined) return `runs already: http://127.0.0.1:${running.port}/, process ${running.pid}`;

  const lifeline = keepLifeline(site.lifeline, Number(given));
  // `detached` gives it a session of its own. It leaves the step's on purpose: what stays in it ends with the step.
  const log = openSync(site.log, "a");
  const child = spawn(process.execPath, [SERVER, dir, String(lifeline)], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  let failure;
  child.on("error", (error) => {
    failure = error.message;
  });
  child.on("exit", (code, signal) => {
    failure = `the server ended at once (${signal ?? code}):\n${lastLines(site.log)}`;
  });

  const { port, pid } = await until(
    async () => {
      if (failure !== undefined) throw new Error(failure);
      return await findServer(site);
    },
    20_000,
    `the server does not answer; its log is ${site.log}`,
  );
  child.unref();
  return `started http://127.0.0.1:${port}/, process ${pid}`;
});

const lastLines = (file) => readFileSync(file, "utf8").trimEnd().split("\n").slice(-10).join("\n");
