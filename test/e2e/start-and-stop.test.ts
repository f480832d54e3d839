import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startNatsServer } from "@jetmesh/testkit";
import { describe, expect, it } from "vitest";
import { ROOT } from "../support/repository.ts";
import {
  type MarkedFolder,
  markedFolder,
  type RunningCommand,
  runJm,
  startBootstrapped,
  startJm,
  transitionsIn,
} from "./running-commands.ts";

const RUNNING = /web1 serves (http:\S+)\n/;

function startIn(folder: MarkedFolder): RunningCommand {
  return startBootstrapped(["--store", join(folder.path, "store"), "--port", "-1"], { env: folder.env });
}

/** The `up` process itself, below the bootstrap. */
function upProcess(folder: MarkedFolder): number {
  const found = folder.running().find(({ command }) => command.includes("packages/cli/src/main.ts up "));
  if (found === undefined) throw new Error(`no up among ${JSON.stringify(folder.running())}`);
  return found.pid;
}

async function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

describe("`up` on a store that was restored from a backup", () => {
  it("says that it waits, and for what, and goes on once it is told to", async () => {
    await using folder = markedFolder();
    const store = join(folder.path, "store");
    const start = (): RunningCommand =>
      startJm(["up", "--store", store, "--port", "-1"], { env: folder.env });
    const first = start();
    const [, url = ""] = await first.prints(/The mesh is at (nats:\S+)\./);
    const env = { ...folder.env, JM_FAULTS: "mesh.backup/before=crash@2" };
    // As it is in a copy: nobody takes the mark off.
    await runJm(["--url", url, "backup", "--", "true"], { env });
    first.signalGroup("SIGINT");
    await first.ended;
    const second = start();
    const [, again = ""] = await second.prints(/paused: .* `jm --url (\S+) doctor --restored`/);
    expect(await runJm(["--url", again, "doctor", "--restored"], { env: folder.env })).toMatchObject({
      exitCode: 0,
    });
    await second.prints(/The mesh is at/);
    second.signalGroup("SIGINT");
    expect((await second.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });
});

describe("a running `npm start`", () => {
  it("ends by Ctrl-C, which arrives several times, with 0 and nothing left", async () => {
    await using folder = markedFolder();
    const up = startIn(folder);
    const [, url = ""] = await up.prints(RUNNING);
    expect(await answers(url)).toBe(true);
    up.signalGroup("SIGINT");
    up.signalGroup("SIGINT");
    const { exitCode, stdout } = await up.ended;
    expect(exitCode).toBe(0);
    expect(transitionsIn(stdout).slice(-2)).toEqual(["running → stopping", "stopping → stopped"]);
    await folder.nothingIsLeft();
    expect(await answers(url)).toBe(false);
  });

  it("ends by SIGTERM with 0 and nothing left", async () => {
    await using folder = markedFolder();
    const up = startIn(folder);
    await up.prints(RUNNING);
    up.child.kill("SIGTERM");
    expect((await up.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });

  it("ends by a signal while it is still starting, with 0 and nothing left", async () => {
    await using folder = markedFolder();
    const up = startIn(folder);
    await up.prints(/nats-server serves/);
    up.child.kill("SIGTERM");
    expect((await up.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });

  it("leaves nothing when `up` is killed, and brings web1 up again when it is started again", async () => {
    await using folder = markedFolder();
    const first = startIn(folder);
    await first.prints(RUNNING);
    process.kill(upProcess(folder), "SIGKILL");
    await first.ended;
    await folder.nothingIsLeft();

    const second = startIn(folder);
    await second.prints(RUNNING);
    expect(second.output()).toContain("web1 is there, running");
    expect(transitionsIn(second.output())).toEqual(["running → restarting", "restarting → running"]);
    second.child.kill("SIGTERM");
    expect((await second.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();

    const third = startIn(folder);
    await third.prints(RUNNING);
    expect(transitionsIn(third.output())).toEqual(["stopped → starting", "starting → running"]);
    third.child.kill("SIGTERM");
    expect((await third.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });

  it("leaves nothing when `up` is killed after a restart that somebody else triggered", async () => {
    await using folder = markedFolder();
    const up = startIn(folder);
    const [, url = ""] = await up.prints(RUNNING);
    const [, server = ""] = await up.prints(/The mesh is at (nats:\S+)\. /);
    const restarted = await runJm(["--url", server, "jet", "trigger", "web1", "restart", "--wait"]);
    expect(restarted.exitCode).toBe(0);
    expect(await answers(url)).toBe(true);
    process.kill(upProcess(folder), "SIGKILL");
    await up.ended;
    await folder.nothingIsLeft();
  });

  it("is brought up when it was killed in the middle of an action", async () => {
    await using folder = markedFolder();
    const first = startIn(folder);
    await first.prints(/stopped → starting/);
    process.kill(upProcess(folder), "SIGKILL");
    await first.ended;
    await folder.nothingIsLeft();

    const second = startIn(folder);
    await second.prints(RUNNING);
    second.child.kill("SIGTERM");
    expect((await second.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });

  it("keeps a second one off its store, and starts again what dies", async () => {
    await using folder = markedFolder();
    const up = startIn(folder);
    await up.prints(RUNNING);
    const [, server = ""] = await up.prints(/The mesh is at (nats:\S+)\. /);

    const refused = await startIn(folder).ended;
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toMatch(/another `up` \(process \d+\) runs on .*store/);
    expect(refused.stderr).toContain("--store DIR");

    const victims = folder
      .running()
      .filter(({ command }) => /nats-server -c|services\/gateway/.test(command));
    expect(victims).toHaveLength(2);
    for (const { pid } of victims) process.kill(pid, "SIGKILL");
    await up.prints(/nats-server ended \(SIGKILL\); it is started again/);
    await up.prints(/gateway ended \(SIGKILL\); it is started again/);
    await eventually("the mesh to be well again", async () => {
      const { exitCode } = await runJm(["--url", server, "doctor"]);
      return exitCode === 0 ? true : undefined;
    });
    up.child.kill("SIGTERM");
    expect((await up.ended).exitCode).toBe(0);
    await folder.nothingIsLeft();
  });

  it("is forced by a signal more than two seconds after the first, and leaves nothing either", async () => {
    await using folder = markedFolder();
    const example = join(folder.path, "example");
    mkdirSync(example);
    const text = readFileSync(join(ROOT, "examples/web/web.yaml"), "utf8");
    // Halting never ends, so the stop waits for it.
    writeFileSync(
      join(example, "web.yaml"),
      text.replaceAll(/shell: \[node, halt.mjs.*\]/g, "shell: [sleep, '600']"),
    );
    const args = ["up", "--store", join(folder.path, "store"), "--port", "-1", "--example", example];
    const up = startJm(args, { env: folder.env });
    await up.prints(RUNNING);
    const firstAt = performance.now();
    const ended = await eventually(
      "up to be forced",
      () => {
        if (up.child.exitCode !== null) return up.ended;
        up.child.kill("SIGINT");
        return undefined;
      },
      { everyMs: 100 },
    );
    expect(performance.now() - firstAt).toBeGreaterThan(1_900);
    expect(ended).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("forced") as string });
    await folder.nothingIsLeft();
  });
});

describe("`up` where NATS_URL names a server", () => {
  it("uses that one, starts none, and says that a mesh is there already", async () => {
    await using server = await startNatsServer();
    await using folder = markedFolder();
    const env = { ...folder.env, NATS_URL: server.url };
    const first = startJm(["up", "--store", join(folder.path, "one"), "--runners", "2"], { env });
    await first.prints(/Ctrl-C stops it/);
    expect(first.output()).toContain(`using the server at ${server.url}`);
    expect(first.output()).not.toContain("a mesh runs there already");
    expect(folder.running().filter(({ command }) => command.includes("nats-server"))).toEqual([]);
    expect(folder.running().filter(({ command }) => command.includes("flight-plan-runner"))).toHaveLength(2);

    const second = startJm(["up", "--store", join(folder.path, "two")], { env });
    await second.prints(/a mesh runs there already \(.*gateway.*\)/);
    await second.prints(/Ctrl-C stops it/);
    for (const up of [first, second]) up.child.kill("SIGTERM");
    for (const up of [first, second]) expect(await up.ended).toMatchObject({ exitCode: 0, stderr: "" });
    await folder.nothingIsLeft();
  });

  it("ends with 3 where that cannot be reached", async () => {
    await using folder = markedFolder();
    const env = { ...folder.env, NATS_URL: "nats://127.0.0.1:9" };
    const { exitCode, stderr } = await runJm(["up", "--store", folder.path], { env });
    expect(exitCode).toBe(3);
    expect(stderr).toContain("cannot reach NATS at nats://127.0.0.1:9");
  });

  it("ends with 1 and what is needed where that has no JetStream", async () => {
    await using server = await startNatsServer({ extraConfig: "jetstream: false" });
    await using folder = markedFolder();
    const env = { ...folder.env, NATS_URL: server.url };
    const { exitCode, stderr } = await runJm(["up", "--store", folder.path], { env });
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/cannot be used: [^]*2\.14 or newer, with JetStream on/);
  });
});
