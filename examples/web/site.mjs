// What the scripts of this example know of a site: its directory, its files, and how to ask its server.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** A directory is relative to the root of the repository, wherever the script runs. */
export function siteAt(dir) {
  if (!dir) throw new Error("which directory? it is the first argument");
  const path = resolve(ROOT, dir);
  return {
    path,
    page: join(path, "index.html"),
    log: join(path, "server.log"),
    /** Written once, by create: {name, port, isFixed}. */
    settings: join(path, "site.json"),
    /** Written by launch: {pid, born} of the process that the server ends with. */
    lifeline: join(path, "lifeline.json"),
    /** Written by the server when it listens: {pid, port}. What it says may be long over. */
    server: join(path, "server.json"),
  };
}

/** Undefined where the file is not there. */
export function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whole or not at all: a reader never sees half a file. */
export function writeJson(file, value) {
  writeFileSync(`${file}.part`, `${JSON.stringify(value)}\n`);
  renameSync(`${file}.part`, file);
}

/** The server of this site that answers now, as {pid, port}; undefined where there is none. */
export async function findServer(site) {
  const noted = readJson(site.server);
  if (noted === undefined) return undefined;
  const answer = await ask(noted.port, "/.site");
  if (answer?.status !== 200) return undefined;
  try {
    // The port may belong to somebody else by now, and the pid too: only the server itself can tell.
    const { pid, path } = JSON.parse(answer.body);
    return path === site.path && pid === noted.pid ? { pid, port: noted.port } : undefined;
  } catch {
    return undefined;
  }
}

/** What the port answers; undefined where nobody listens. A listener that does not answer is an error. */
export function ask(port, path) {
  return new Promise((done, fail) => {
    const request = get({ host: "127.0.0.1", port, path, agent: false, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text) => {
        body += text;
      });
      response.on("end", () => done({ status: response.statusCode, body }));
      response.on("error", fail);
    });
    request.on("timeout", () => request.destroy(new Error(`port ${port} takes calls and does not answer`)));
    request.on("error", (error) => {
      // What is no web server, or was just closed, is not this site's server.
      const isNobody =
        error.code === "ECONNREFUSED" || error.code === "ECONNRESET" || error.code?.startsWith("HPE_");
      if (isNobody) done(undefined);
      else fail(error);
    });
  });
}

/** A port that nobody has at the moment, chosen by the kernel. */
export function freePort() {
  return new Promise((done, fail) => {
    const server = createServer();
    server.on("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Asks again until the answer is not undefined. */
export async function until(question, ms, otherwise) {
  const deadline = Date.now() + ms;
  for (;;) {
    const answer = await question();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(otherwise);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Runs a script to its end: a line for the log, and the exit code that the plan goes by. */
export function run(script) {
  script().then(
    (line) => console.log(line),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
