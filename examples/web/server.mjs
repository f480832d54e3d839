// node server.mjs DIR LIFELINE: serves the site's page on its port until it gets SIGTERM.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { watchLifeline } from "./lifeline.mjs";
import { readJson, siteAt, writeJson } from "./site.mjs";

const [dir, lifeline = "0"] = process.argv.slice(2);
const site = siteAt(dir);
const settings = readJson(site.settings);

const server = createServer((request, response) => {
  if (request.url === "/.site") {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ pid: process.pid, name: settings.name, path: site.path }));
    return;
  }
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.setHeader("x-jet", settings.name);
  response.end(readFileSync(site.page));
});

server.on("error", (error) => {
  if (error.code !== "EADDRINUSE" || settings.isFixed) throw error;
  // Somebody took the port while the site was stopped; it was chosen at random, so another will do.
  console.log(`port ${settings.port} is taken`);
  server.listen(0, "127.0.0.1");
});
server.on("listening", () => {
  const { port } = server.address();
  if (port !== settings.port) writeJson(site.settings, { ...settings, port });
  writeJson(site.server, { pid: process.pid, port });
  console.log(`${new Date().toISOString()} ${settings.name} listens on port ${port}, process ${process.pid}`);
});
server.listen(settings.port, "127.0.0.1");

function stop(why) {
  console.log(`${new Date().toISOString()} ends: ${why}`);
  server.close();
  server.closeAllConnections();
  process.exit(0);
}
process.on("SIGTERM", () => stop("SIGTERM"));
if (Number(lifeline) !== 0) watchLifeline(Number(lifeline), () => stop(`process ${lifeline} is gone`));
