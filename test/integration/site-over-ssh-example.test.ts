import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import { applyDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exampleDocuments } from "../support/example-documents.ts";
import { named } from "../support/root-only.ts";
import { runsOf } from "../support/runs.ts";
import { type Sshd, sshPrograms, startSshd } from "../support/sshd.ts";

/** `examples/site-over-ssh`, on a real sshd and a real web server. */
const programs = await sshPrograms();
const missing = "missing" in programs ? programs.missing : undefined;

describe.skipIf(missing !== undefined)(named("a site on another machine", missing), () => {
  let mesh: TestMesh;
  let client: MeshClient;
  let sshd: Sshd;
  let web: Server;
  let url: string;
  let dir: string;
  const runs = runsOf(() => client);

  beforeAll(async () => {
    if ("missing" in programs) return;
    sshd = await startSshd(programs);
    dir = join(sshd.dir, "site");
    mkdirSync(dir);
    chownSync(dir, statSync(sshd.dir).uid, statSync(sshd.dir).gid);
    web = createServer((_request, response) => {
      const page = join(dir, "current/index.html");
      const text = existsSync(page) ? readFileSync(page, "utf8") : "";
      response.writeHead(text === "" ? 404 : text.includes("broken") ? 500 : 200).end(text);
    });
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${String((web.address() as AddressInfo).port)}/`;
    mesh = await startMesh();
    client = await mesh.client();
    await applyDocuments(client, exampleDocuments("site-over-ssh/site.yaml"));
  }, 60_000);
  afterAll(async () => {
    await mesh.stop();
    web.closeAllConnections();
    web.close();
    await sshd.stop();
  });

  const page = async (): Promise<string> => (await fetch(url)).text();
  const deploy = (action: string, version: string, text: string): Promise<TriggerReply> =>
    client.request<TriggerReply>(
      "jet.trigger",
      { jet: "shop", action, argument: { version, page: text }, wait: true },
      60_000,
    );

  test("is deployed, and deployed again", async () => {
    const { host, port, user, key, hostKey } = sshd.target;
    const variables = { host, ssh_port: port, user, key, host_key: hostKey, dir, url, keep: 2 };
    const create = { template: "ssh_site", reference: "shop", variables, wait: true };
    expect(await client.request("jet.create", create)).toMatchObject({ outcome: "SUCCESS", state: "empty" });
    expect(await deploy("release", "1.0", "<h1>One</h1>")).toMatchObject({
      outcome: "SUCCESS",
      state: "live",
    });
    expect(await page()).toBe("<h1>One</h1>");
    expect(await deploy("deploy", "1.1", 'it\'s <h1>"Two"</h1> $HOME\n')).toMatchObject({ state: "live" });
    expect(await page()).toBe('it\'s <h1>"Two"</h1> $HOME\n');
  });

  test("is what it was where a release is not well, and tells why", async () => {
    const failed = await deploy("deploy", "1.2", "broken");
    expect(failed).toMatchObject({ outcome: "ERROR" });
    expect(failed.error?.message).toContain("answered 500, expected 200");
    const { journal, state } = await runs.until(
      failed.actionId ?? "",
      "the rollback",
      (now) => now.state === "REVERTED",
    );
    expect(state).toBe("REVERTED");
    expect(journal.flatMap(({ reference, undoneAt }) => (undoneAt === undefined ? [] : [reference]))).toEqual(
      ["folder", "switch"],
    );
    expect([await page(), readlinkSync(join(dir, "current"))]).toEqual([
      'it\'s <h1>"Two"</h1> $HOME\n',
      "releases/1.1",
    ]);
    expect(readdirSync(join(dir, "releases")).toSorted()).toEqual(["1.0", "1.1"]);
    expect(await client.request("jet.get", { reference: "shop" })).toMatchObject({ state: "live" });
    // The same version again, mended; and the oldest goes.
    expect(await deploy("deploy", "1.2", "Three")).toMatchObject({ outcome: "SUCCESS" });
    expect(readdirSync(join(dir, "releases")).toSorted()).toEqual(["1.1", "1.2"]);
    expect(await deploy("deploy", "../../etc", "x")).toMatchObject({ outcome: "ERROR" });
    expect(await page()).toBe("Three");
  });

  test("is removed", async () => {
    const asked = { jet: "shop", action: "remove", wait: true };
    expect(await client.request("jet.trigger", asked)).toMatchObject({ outcome: "SUCCESS" });
    expect(readdirSync(dir)).toEqual([]);
  });
});
