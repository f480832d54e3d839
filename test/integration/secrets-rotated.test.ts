import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { type MeshClient, setSecret } from "@jetmesh/client";
import type { RotatedKey, SecretsRecord, TriggerReply } from "@jetmesh/protocol";
import { createMeshStore, createSealKey, readSealKeys } from "@jetmesh/storage";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { codeOf } from "../support/code-of.ts";

/** Who holds the seeds, another key in place of one, and what is left where a process dies in it. */
const canary = (): string => randomBytes(24).toString("hex");
const seeds = (mesh: TestMesh, ...keys: readonly { readonly seed: string }[]): void =>
  writeFileSync(mesh.seedFile, keys.map(({ seed }) => `${seed}\n`).join(""));
const recordOf = async (client: MeshClient, key: string): Promise<SecretsRecord | undefined> => {
  const stored = await createMeshStore(client.connection, client.names).secrets.get(key);
  return stored.kind === "record" ? stored.value : undefined;
};
const turn = (client: MeshClient, jet: string): Promise<TriggerReply> =>
  client.request<TriggerReply>("jet.trigger", { jet, action: "turn", wait: true });

/** A template whose jets look whether the secret that they are given is the one that their argument's file has. */
async function makeJets(client: MeshClient, template: string, jets: readonly string[]): Promise<void> {
  const plan = [{ shell: 'test "${#X}" -gt 3', env: { X: "{{ secrets.word }}" } }];
  await applyDocuments(client, loopDocuments(plan, { error: "resting" }, template));
  for (const reference of jets) await client.request("jet.create", { template, reference, wait: true });
}

test("a runner without seeds says so, and nothing can be set before one has them", async () => {
  await using mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  const runner = await mesh.start("flight-plan-runner", { JM_SECRETS_SEED_FILE: "" });
  const root = await mesh.client();
  await makeJets(root, "plain", ["plain1"]);
  expect(await codeOf(setSecret(root, { name: "word", value: canary() }))).toBe("secret_unavailable");
  expect((await turn(root, "plain1")).error).toMatchObject({
    code: "secret_unavailable",
    message: expect.stringContaining("this runner holds no seed") as string,
  });
  await mesh.start("flight-plan-runner");
  await runner.stop();
  await setSecret(root, { name: "word", value: canary() });
  expect(await turn(root, "plain1")).toMatchObject({ outcome: "SUCCESS" });
  seeds(mesh, createSealKey());
  expect((await turn(root, "plain1")).error).toMatchObject({
    code: "secret_unavailable",
    message: expect.stringContaining("secret 'word' cannot be opened here") as string,
  });
}, 60_000);

test("another key takes the place of one though a state-store dies in it, and nothing is lost", async () => {
  await using mesh = await startMesh();
  await mesh.of("state-store").stop();
  const first = await mesh.start("state-store", { JM_FAULTS: "secret.reseal/after=crash@7" });
  const root = await mesh.client();
  const jets = Array.from({ length: 25 }, (_, index) => `turned${String(index)}`);
  await makeJets(root, "turned", jets);
  for (const jet of jets) await setSecret(root, { name: "word", value: canary(), jet });
  await setSecret(root, { name: "word", value: canary(), template: "turned" });
  const [old] = readSealKeys(mesh.seedFile);
  const next = createSealKey();
  const publicKey = next.publicKey;
  // Not before a runner holds it: what is sealed to it then could be opened by nobody.
  expect(await codeOf(root.request("secret.rotate-key", { publicKey }))).toBe("secret_unavailable");
  expect(await root.request("secret.key")).toMatchObject({ publicKey: old?.publicKey });
  seeds(mesh, next, ...(old === undefined ? [] : [old]));
  expect(await codeOf(root.request("secret.rotate-key", { publicKey }, 3_000))).not.toBe("done");
  await first.gone;
  expect(first.log()).toContain("fault secret.reseal/after=crash");
  // Half is sealed to the one and half to the other, and all of it is there.
  await mesh.start("state-store");
  const keysNow = new Set(
    (await Promise.all(jets.map((jet) => recordOf(root, `jet.${jet}`)))).map((one) => one?.secrets[0]?.key),
  );
  expect(keysNow.size).toBe(2);
  for (const jet of [jets[0], jets[24]])
    expect(await turn(root, jet ?? "")).toMatchObject({ outcome: "SUCCESS" });
  let resealed = 0;
  await eventually("nothing to be left", async () => {
    const last = await root.request<RotatedKey>("secret.rotate-key", {}, 60_000);
    resealed += last.resealed;
    return last.left === 0 ? true : undefined;
  });
  expect(resealed).toBe(26 - 7);
  seeds(mesh, next);
  for (const jet of jets) expect(await turn(root, jet)).toMatchObject({ outcome: "SUCCESS" });
  const { secrets } = (await recordOf(root, "jet.turned3")) ?? { secrets: [] };
  expect(secrets).toMatchObject([{ name: "word", version: 1, by: "root", key: publicKey }]);
  await setSecret(root, { name: "word", value: canary(), jet: "turned3" });
  if (old !== undefined) seeds(mesh, old);
  expect((await turn(root, "turned3")).error).toMatchObject({ code: "secret_unavailable" });
}, 120_000);

test("secrets are changed and listed by whoever may change what they belong to, and by nobody else", async () => {
  await using mesh = await startMesh();
  const root = await mesh.client();
  await applyDocuments(root, [
    ...["owner", "other", "boss"].map((reference) => ({
      ...{ apiVersion: "jetmesh/v1", kind: "User", reference, name: reference, level: "manager" },
    })),
    { apiVersion: "jetmesh/v1", kind: "User", reference: "user", name: "user", level: "user" },
  ]);
  await makeJets(root, "shared", []);
  const template = await root.request<object>("template.get", { reference: "shared" });
  await root.request("template.apply", { ...template, managers: ["boss"] });
  const members = { users: ["user", "other"], managers: ["owner"] };
  await root.request("jet.create", { template: "shared", reference: "shared1", wait: true, ...members });
  const may: Record<string, string[]> = {};
  for (const who of ["root", "owner", "boss", "other", "user", "nobody"]) {
    const client = await mesh.client(who);
    const codes = [];
    for (const scope of [{ jet: "shared1" }, { template: "shared" }, {}]) {
      const set = await codeOf(setSecret(client, { name: "word", value: canary(), ...scope }));
      const list = await codeOf(client.request("secret.list", scope));
      const gone = await codeOf(client.request("secret.delete", { name: "word", ...scope }));
      expect([who, list, gone]).toEqual([who, set, set]);
      codes.push(set);
    }
    codes.push(await codeOf(client.request("secret.rotate-key")));
    may[who] = codes;
  }
  expect(may).toEqual({
    root: ["done", "done", "done", "done"],
    owner: ["done", "forbidden", "forbidden", "forbidden"],
    boss: ["unknown_jet", "done", "forbidden", "forbidden"],
    other: ["forbidden", "forbidden", "forbidden", "forbidden"],
    user: ["forbidden", "forbidden", "forbidden", "forbidden"],
    nobody: ["unknown_jet", "unknown_template", "forbidden", "forbidden"],
  });
}, 60_000);

test("on a broker with keys a runner reads them from an account of its own, and seals them anew", async () => {
  await using mesh = await startMesh({ auth: ["alice"] });
  const root = await mesh.as("root");
  await makeJets(root, "kept", ["kept1"]);
  await setSecret(root, { name: "word", value: canary(), jet: "kept1" });
  expect(await turn(root, "kept1")).toMatchObject({ outcome: "SUCCESS" });
  const next = createSealKey();
  seeds(mesh, next, ...readSealKeys(mesh.seedFile));
  expect(await root.request("secret.rotate-key", { publicKey: next.publicKey })).toEqual({
    ...{ publicKey: next.publicKey, resealed: 1, left: 0 },
  });
  seeds(mesh, next);
  expect(await turn(root, "kept1")).toMatchObject({ outcome: "SUCCESS" });
}, 60_000);

test("a template that is deleted and made anew has none of the secrets that it had", async () => {
  await using mesh = await startMesh();
  const root = await mesh.client();
  await makeJets(root, "again", []);
  await setSecret(root, { name: "word", value: canary(), template: "again" });
  await root.request("template.delete", { reference: "again" });
  expect(await codeOf(setSecret(root, { name: "word", value: canary(), template: "again" }))).toBe(
    "unknown_template",
  );
  await makeJets(root, "again", ["again1"]);
  expect(await root.request("secret.list", { template: "again" })).toEqual({ items: [] });
  expect((await turn(root, "again1")).error).toMatchObject({ code: "unknown_secret" });
}, 60_000);
