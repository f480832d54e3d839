import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNames, TemplateDefinition } from "@jetmesh/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { destroyAction, nextDown, nextUp, restOf } from "../src/up/example-plan.ts";
import { nextLines } from "../src/up/next-lines.ts";
import { takeLock } from "../src/up/owner-lock.ts";
import { identityOf } from "../src/up/process-identity.ts";
import { meaningOf } from "../src/up/stop-signals.ts";

describe("a signal", () => {
  it("stops; repeats of the same press change nothing; a later one forces", () => {
    expect(meaningOf(undefined, 5)).toBe("stop");
    expect(meaningOf(100, 101)).toBe("same press");
    expect(meaningOf(100, 1_900)).toBe("same press");
    expect(meaningOf(100, 2_200)).toBe("force");
  });
});

describe("an example's way up and down", () => {
  const action = (reference: string, from: string | undefined, to: string | undefined): object => ({
    reference,
    name: reference,
    transit: "moving",
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  });
  const template = TemplateDefinition.parse({
    kind: "Template",
    reference: "web",
    name: "Web",
    actions: [
      action("create", undefined, "stopped"),
      action("start", "stopped", "running"),
      action("restart", "running", "running"),
      action("stop", "running", "stopped"),
      action("destroy", "stopped", undefined),
    ],
  });

  it("goes up from any state, and restarts what is up already", () => {
    const next = (state: string | undefined): string | undefined => nextUp(template, state)?.reference;
    expect([next(undefined), next("stopped"), next("running"), next("lost")]).toEqual([
      "create",
      "start",
      "restart",
      undefined,
    ]);
  });

  it("goes down to where creating leaves it, and away from there", () => {
    expect(restOf(template)).toBe("stopped");
    expect(nextDown(template, "running")?.reference).toBe("stop");
    expect(nextDown(template, undefined)).toBeUndefined();
    expect(destroyAction(template, "stopped")?.reference).toBe("destroy");
    expect(destroyAction(template, "running")).toBeUndefined();
  });
});

describe("the lock of a store", () => {
  let store = "";
  beforeEach(() => void (store = mkdtempSync(join(tmpdir(), "jm-lock-"))));
  afterEach(() => rmSync(store, { recursive: true }));
  const leave = (owner: string): void => {
    mkdirSync(join(store, "lock"));
    writeFileSync(join(store, "lock", owner), "");
  };

  it("is held by the process that took it, until it releases it", () => {
    const lock = takeLock(store);
    expect(lock.kind).toBe("taken");
    expect(takeLock(store)).toEqual({ kind: "held", pid: process.pid });
    if (lock.kind === "taken") lock.release();
    expect(takeLock(store).kind).toBe("taken");
  });

  it("of a dead process is taken over", () => {
    const { pid } = spawnSync("true");
    leave(identityOf(pid));
    expect(takeLock(store).kind).toBe("taken");
  });

  it("of a dead process whose number was given out again is taken over", () => {
    leave(`${process.pid}.1`);
    expect(takeLock(store).kind).toBe("taken");
  });
});

describe("the lines to type next", () => {
  const given = {
    url: "nats://127.0.0.1:4222",
    user: "root",
    names: createNames(),
    credsFile: undefined,
    jet: "web1",
  };

  it("are three of nats and three of ours", () => {
    const lines = nextLines({ ...given, isDefaultStore: true });
    expect(lines).toHaveLength(6);
    expect(lines).toContain("nats --server nats://127.0.0.1:4222 pub jm.trigger.root.web1.restart '{}'");
    expect(lines).toContain("./jm jet trigger web1 restart --wait");
  });

  it("name the bucket that holds the jet, where the mesh has several", () => {
    const lines = nextLines({ ...given, names: createNames("jm", 3), isDefaultStore: true });
    expect(lines).toContain("nats --server nats://127.0.0.1:4222 kv get jm_jets_1 web1");
  });

  it("name the mesh where the command would not find it by itself, and the file of credentials", () => {
    const lines = nextLines({ ...given, credsFile: "/a b.creds", isDefaultStore: false });
    expect(lines).toContain("./jm --url nats://127.0.0.1:4222 jet list");
    expect(lines[0]).toContain("--creds '/a b.creds'");
  });
});
