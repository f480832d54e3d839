import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Proxy, startProxy } from "@jetmesh/testkit";
import { Server } from "ssh2";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Sshd, sshPrograms, startSshd } from "../../../test/support/sshd.ts";
import { closeConnections } from "../src/steps/ssh/pool.ts";
import { begin, eventually, isAlive, run } from "./step-bench.ts";

const RUNNER = fileURLToPath(new URL("./one-step-runner.ts", import.meta.url));
const programs = await sshPrograms();
const why = "missing" in programs ? ` [SKIPPED: ${programs.missing}]` : "";

describe.skipIf("missing" in programs)(`an ssh step${why}`, () => {
  let sshd: Sshd;
  const runners: ChildProcess[] = [];
  const proxies: Proxy[] = [];
  beforeAll(async () => {
    if (!("missing" in programs)) sshd = await startSshd(programs, ["MaxSessions 4"]);
  });
  afterEach(async () => {
    closeConnections();
    for (const runner of runners.splice(0)) runner.kill("SIGKILL");
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  afterAll(() => sshd.stop());

  const ssh = (command: string | readonly string[], more: object = {}): object => ({
    ssh: { ...sshd.target, command, ...more },
  });
  const logins = (): number => sshd.log().split("Accepted publickey").length - 1;
  const known = (text: string): object => {
    const file = join(sshd.dir, `known-${randomBytes(4).toString("hex")}`);
    writeFileSync(file, `# a comment\n${text}\n`);
    return { hostKey: undefined, knownHosts: file };
  };

  it("runs a string as a script, and keeps what it prints apart and in order", async () => {
    const { result, stdout, stderr } = await run(ssh("for i in 1 2 3; do echo $i; echo e$i >&2; done"));
    expect(result).toEqual({ outcome: "SUCCESS", tries: 1, exitCode: 0 });
    expect([stdout, stderr]).toEqual(["1\n2\n3\n", "e1\ne2\ne3\n"]);
  });

  it("runs a list as it is, whatever is in it", async () => {
    const nasty = [
      "$HOME",
      "a b",
      "*",
      "; exit 3",
      "it's",
      '"',
      "\\",
      "`id`",
      "a\nb",
      "é",
      "",
      "-n",
      "end",
      "#",
      "!x",
    ];
    const { result, stdout } = await run(ssh(["printf", "%s|", ...nasty]));
    expect(stdout).toBe(nasty.map((one) => `${one}|`).join(""));
    expect(result.outcome).toBe("SUCCESS");
    expect((await run(ssh(["exit", "0"]))).result).toMatchObject({ exitCode: 127 });
  });

  it("tells how a command ended that had ended before its channel was known", async () => {
    const server = new Server({ hostKeys: [readFileSync(join(sshd.dir, "host"))] }, (client) => {
      client.on("authentication", (asked) => asked.accept());
      client.on("session", (accept) =>
        accept().on("exec", (acceptExec) => {
          // With the answer that it runs, in one packet.
          const channel = acceptExec();
          channel.stderr.write("sudo: a password is required\n");
          channel.exit(1);
          channel.end();
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    for (let i = 0; i < 20; i += 1) {
      expect((await run(ssh("true", { port, sudo: true }))).result).toMatchObject({
        exitCode: 1,
        error: { code: "step_failed", message: "exited with code 1 (sudo: a password is required)" },
      });
    }
    closeConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it("has its environment and its working directory, and an empty input", async () => {
    const { stdout } = await run(
      { ...ssh('printf "%s|" "$JM_JET" "$OWN" "$(pwd)" "$(cat)"'), cwd: "/usr", env: { OWN: "{{ v }}" } },
      { environment: { JM_JET: "web's" }, values: { v: "a'b\nc" } },
    );
    expect(stdout).toBe("web's|a'b\nc|/usr||");
  });

  it("prints megabytes without losing any", async () => {
    const { stdout } = await run(ssh("head -c 3000000 /dev/zero | tr '\\0' x"));
    expect(stdout.length).toBe(3_000_000);
  });

  it("tells a failure by its exit code", async () => {
    const failed = await run(ssh("exit 7"));
    expect(failed.result).toMatchObject({
      exitCode: 7,
      error: { code: "step_failed", message: "exited with code 7" },
    });
    const killed = await run(ssh("kill -KILL $$"));
    expect(killed.result).toMatchObject({ error: { message: "exited with code 137 (as after SIGKILL)" } });
  });

  it("takes a machine that is known by its line, its fingerprint, or a file of known hosts", async () => {
    const fingerprint = execFileSync("ssh-keygen", ["-lf", join(sshd.dir, "host.pub")], { encoding: "utf8" });
    const name = `[127.0.0.1]:${String(sshd.port)}`;
    const salt = randomBytes(20);
    const hash = createHmac("sha1", salt).update(name).digest("base64");
    const ways = [
      { hostKey: fingerprint.split(" ")[1] },
      known(`${name} ${sshd.hostKeyLine}`),
      known(`|1|${salt.toString("base64")}|${hash} ${sshd.hostKeyLine}`),
    ];
    for (const way of ways) expect((await run(ssh("true", way))).result.outcome).toBe("SUCCESS");
  });

  it("logs in nowhere where the key is unknown, another, revoked, or that of another port", async () => {
    // A connection that is there, made by the right key, serves no other.
    await run(ssh("true"));
    const before = logins();
    const other = readKey(sshd);
    const name = `[127.0.0.1]:${String(sshd.port)}`;
    const ways: [object, string][] = [
      [known(""), "is not known"],
      [known(`${name} ${other}`), "known by another key"],
      [known(`${name} ${sshd.hostKeyLine}\n@revoked * ${sshd.hostKeyLine}`), "revoked"],
      [known(`127.0.0.1 ${sshd.hostKeyLine}`), "is not known"],
      [{ hostKey: other }, "known by another key"],
      [{ hostKey: "SHA256:AAAA" }, "expected SHA256:AAAA"],
    ];
    for (const [way, says] of ways) {
      const { result } = await run(ssh("true", way));
      expect(result).toMatchObject({
        error: { code: "ssh_host_key", message: expect.stringContaining(says) as string },
      });
    }
    expect(logins()).toBe(before);
  });

  it("says where it is not let in, and where nobody listens", async () => {
    const refused = await run(ssh("true", { key: join(sshd.dir, "host") }));
    expect(refused.result).toMatchObject({ error: { code: "ssh_auth" } });
    const absent = await run(ssh("true", { key: join(sshd.dir, "absent") }));
    expect(absent.result).toMatchObject({ error: { code: "ssh_auth" } });
    const nobody = await run(ssh("true", { port: 1 }));
    expect(nobody.result).toMatchObject({ error: { code: "ssh_unreachable" } });
  });

  it("logs in by the agent that the runner knows, and says so where it knows none", async () => {
    const socket = join(sshd.dir, `agent-${randomBytes(4).toString("hex")}`);
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: "ignore" });
    const before = process.env["SSH_AUTH_SOCK"];
    const step = ssh("echo in", { key: undefined, agent: true });
    try {
      delete process.env["SSH_AUTH_SOCK"];
      expect((await run(step)).result).toMatchObject({
        error: { code: "ssh_auth", message: "the runner has no SSH_AUTH_SOCK" },
      });
      process.env["SSH_AUTH_SOCK"] = socket;
      await eventually(
        () => existsSync(socket),
        (isThere) => isThere,
      );
      expect((await run(step)).result).toMatchObject({ error: { code: "ssh_auth" } });
      execFileSync("ssh-add", ["-q", ownKey(sshd)], { env: { ...process.env } });
      expect((await run(step)).stdout).toBe("in\n");
    } finally {
      if (before === undefined) delete process.env["SSH_AUTH_SOCK"];
      else process.env["SSH_AUTH_SOCK"] = before;
      agent.kill("SIGKILL");
    }
  });

  it("logs in once for many steps, also where they run at once, up to what the server allows", async () => {
    const before = logins();
    for (let i = 0; i < 3; i += 1) await run(ssh("true"));
    expect(logins()).toBe(before + 1);
    const many = await Promise.all(Array.from({ length: 10 }, () => run(ssh("sleep 0.2; echo done"))));
    expect(many.map(({ stdout }) => stdout)).toEqual(Array(10).fill("done\n"));
    expect(logins()).toBeLessThanOrEqual(before + 4);
  });

  it("connects anew where its connection had died before anything was sent", async () => {
    const proxy = await startProxy(sshd.port);
    proxies.push(proxy);
    const port = Number(new URL(proxy.url).port);
    await run(ssh("true", { port }));
    proxy.cut();
    expect((await run(ssh("true", { port }))).result).toMatchObject({ outcome: "SUCCESS", tries: 1 });
  });

  it("ends all that it runs when it is canceled, what ignores SIGTERM too", async () => {
    const abort = new AbortController();
    const { line, ended } = await begin(ssh(`trap '' TERM; ${STUBBORN}`), {
      signal: abort.signal,
      graceMs: 1_000,
    });
    const pids = line.split(" ").map(Number);
    expect(pids.map(isAlive)).toEqual([true, true]);
    const begun = performance.now();
    abort.abort();
    expect(await ended).toMatchObject({ error: { code: "canceled" } });
    expect(pids.map(isAlive)).toEqual([false, false]);
    // By the guard: to give the connection up takes 5 s more.
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  it("may end in order when it is out of its time", async () => {
    const { result, stdout } = await run({
      ...ssh("trap 'echo tidy; exit 0' TERM; echo up; while :; do sleep 0.02; done"),
      timeout: 800,
    });
    expect(stdout).toBe("up\ntidy\n");
    expect(result).toMatchObject({ error: { code: "step_timeout" } });
  });

  it("leaves nothing running when it has ended", async () => {
    const { stdout } = await run(ssh("sleep 60 & echo $!"), { graceMs: 1_000 });
    expect(isAlive(Number(stdout))).toBe(false);
  });

  it("ends on its machine when its runner is killed", async () => {
    const step = JSON.stringify(ssh(STUBBORN));
    const runner = spawn(process.execPath, [RUNNER, step], { stdio: ["ignore", "pipe", "inherit"] });
    runners.push(runner);
    const [line] = (await once(createInterface({ input: runner.stdout }), "line")) as [string];
    const pids = line.split(" ").map(Number);
    expect(pids.map(isAlive)).toEqual([true, true]);
    runner.kill("SIGKILL");
    await eventually(
      () => pids.map(isAlive),
      (alive) => !alive.includes(true),
    );
  });

  it("is told that the connection was lost, and what it ran ends", async () => {
    const proxy = await startProxy(sshd.port);
    proxies.push(proxy);
    const { line, ended } = await begin(ssh("echo $$; sleep 60", { port: Number(new URL(proxy.url).port) }));
    proxy.cut();
    expect(await ended).toMatchObject({ tries: 1, error: { code: "ssh_lost" } });
    await eventually(
      () => isAlive(Number(line)),
      (alive) => !alive,
    );
  });

  it("sees within 15 seconds that the network is dead, without a timeout of its own", async () => {
    const proxy = await startProxy(sshd.port);
    proxies.push(proxy);
    const { ended } = await begin(ssh("echo $$; sleep 60", { port: Number(new URL(proxy.url).port) }));
    const begun = performance.now();
    proxy.freeze();
    expect(await ended).toMatchObject({ error: { code: "ssh_lost" } });
    expect(performance.now() - begun).toBeLessThan(16_000);
  }, 30_000);

  it("runs as whom it was told, with its environment, or says why sudo refused", async () => {
    // The machine of a test need not have sudo: a stand-in that wants its arguments to be right.
    const sudo = (does: string): void =>
      writeFileSync(join(sshd.dir, "sudo"), `#!/bin/sh\n${does}\n`, { mode: 0o755 });
    const step = { ...ssh('echo "$AS $JM_JET"', { sudo: "{{ who }}" }) };
    const given = { environment: { JM_JET: "web" }, values: { who: "deploy" } };
    sudo('[ "$1 $2 $3 $4" = "-n -u deploy --" ] || exit 9; shift 4; export AS=deploy; exec "$@"');
    expect((await run(step, given)).stdout).toBe("deploy web\n");
    sudo('echo "sudo: a password is required" >&2; exit 1');
    expect((await run(step, given)).result).toMatchObject({
      error: { code: "step_failed", message: "exited with code 1 (sudo: a password is required)" },
    });
  });
});

/** Prints its own process and a child's, which ignores SIGTERM. */
const STUBBORN = `sh -c 'trap "" TERM; echo $PPID $$; while :; do sleep 60; done' & wait`;

/** A copy that is only ours: the agent refuses a key that is another user's. */
function ownKey({ dir }: Sshd): string {
  const copy = join(dir, `own-${randomBytes(4).toString("hex")}`);
  writeFileSync(copy, readFileSync(join(dir, "id")), { mode: 0o600 });
  return copy;
}

function readKey({ dir }: Sshd): string {
  return execFileSync("cat", [join(dir, "id.pub")], { encoding: "utf8" }).trim();
}
