import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import { applyDocuments, freePorts, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findPostgres, unprivilegedUser } from "../bench/servers/postgres.ts";
import { exampleDocuments } from "../support/example-documents.ts";
import { named } from "../support/root-only.ts";

/** `examples/postgres` with the real programs of Debian: the whole life of a cluster, and what it keeps of its data. */
const root = mkdtempSync(join(tmpdir(), "jm-postgres-"));
const programs = await prepared();
const missing = "missing" in programs ? programs.missing : undefined;
afterAll(() => rmSync(root, { recursive: true, force: true }));

describe.skipIf(missing !== undefined)(named("a PostgreSQL cluster as a jet", missing), () => {
  let mesh: TestMesh;
  let client: MeshClient;
  let port: number;
  const dir = join(root, "db1");

  beforeAll(async () => {
    mesh = await startMesh();
    client = await mesh.client();
    [port = 0] = await freePorts(1);
    makeFolder(dir);
    await applyDocuments(client, exampleDocuments("postgres/postgres.yaml"));
  }, 60_000);
  afterAll(async () => {
    await trigger("stop").catch(() => undefined);
    await mesh.stop();
  });

  const trigger = (action: string, argument: object = {}): Promise<TriggerReply> =>
    client.request<TriggerReply>("jet.trigger", { jet: "db1", action, argument, wait: true }, 120_000);
  const sql = (text: string): string => {
    if ("missing" in programs) throw new Error(programs.missing);
    const words = ["-h", join(dir, "data"), "-p", String(port), "-U", "postgres", "-Atc", text];
    return execFileSync(join(programs.bin, "psql"), words, { encoding: "utf8", cwd: dir }).trim();
  };
  const ended = (reply: TriggerReply, state: string | undefined): void =>
    expect([reply.outcome, reply.state, reply.error?.message]).toEqual(["SUCCESS", state, undefined]);

  test("is created, started, backed up, restored, stopped and destroyed", async () => {
    if ("missing" in programs) throw new Error(programs.missing);
    const variables = { bin: programs.bin, dir, port, keep: 2 };
    const created = await client.request<TriggerReply>(
      "jet.create",
      { template: "postgres", reference: "db1", variables, wait: true },
      120_000,
    );
    ended(created, "stopped");
    ended(await trigger("start"), "running");
    sql("create table kept (what text); insert into kept values ('first')");
    ended(await trigger("backup"), "running");
    sql("insert into kept values ('second')");
    const [backup = ""] = readdirSync(join(dir, "backups"));
    ended(await trigger("restore"), "running");
    expect(sql("select string_agg(what, ',') from kept")).toBe("first");

    sql("insert into kept values ('third')");
    ended(await trigger("backup"), "running");
    ended(await trigger("backup"), "running");
    // The oldest has left.
    expect(readdirSync(join(dir, "backups"))).toHaveLength(2);
    const gone = await trigger("restore", { backup });
    expect(gone).toMatchObject({ outcome: "ERROR", error: { code: "step_failed" } });
    // As it was before: one transaction.
    expect(sql("select string_agg(what, ',') from kept")).toBe("first,third");

    ended(await trigger("stop"), "stopped");
    expect(() => sql("select 1")).toThrow();
    ended(await trigger("start"), "running");
    expect(sql("select count(*) from kept")).toBe("2");
    ended(await trigger("stop"), "stopped");
    ended(await trigger("destroy"), undefined);
    expect(readdirSync(dir)).toEqual(["backups"]);
  }, 180_000);

  test("leaves nothing behind where its creation fails", async () => {
    if ("missing" in programs) throw new Error(programs.missing);
    const other = join(root, "db2");
    makeFolder(other);
    // In the way of the second step.
    writeFileSync(join(other, "backups"), "");
    const made = await client.request<TriggerReply>(
      "jet.create",
      {
        template: "postgres",
        reference: "db2",
        variables: { bin: programs.bin, dir: other, port },
        wait: true,
      },
      120_000,
    );
    expect(made.outcome).toBe("ERROR");
    expect(readdirSync(other)).toEqual(["backups"]);
  }, 60_000);
});

function makeFolder(path: string): void {
  mkdirSync(path);
  const user = unprivilegedUser();
  if (user !== undefined) chownSync(path, user.uid, user.gid);
}

/**
 * The programs, each as one that runs as somebody who is not root, and with its libraries where they are not installed. What
 * cannot be had is said.
 */
async function prepared(): Promise<{ readonly bin: string } | { readonly missing: string }> {
  try {
    const { bin: real, env } = await findPostgres();
    const user = unprivilegedUser();
    const bin = join(root, "bin");
    mkdirSync(bin);
    chmodSync(root, 0o755);
    const as =
      user === undefined
        ? []
        : ["setpriv", `--reuid=${String(user.uid)}`, `--regid=${String(user.gid)}`, "--clear-groups"];
    const libraries = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    for (const name of readdirSync(real)) {
      const words = [...as, "env", ...libraries, join(real, name)].map((word) => `'${word}'`);
      writeFileSync(join(bin, name), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`, { mode: 0o755 });
    }
    execFileSync(join(bin, "postgres"), ["--version"], { stdio: "pipe" });
    return { bin };
  } catch (thrown) {
    return { missing: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
