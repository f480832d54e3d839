import { randomBytes } from "node:crypto";
import { setSecret } from "@jetmesh/client";
import type { SecretView } from "@jetmesh/protocol";
import { allHistory, startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";

/** Secrets that are set and deleted, whatever dies about the writes of it. */
const canary = (): string => randomBytes(24).toString("hex");

test("what is set or deleted is so once, whatever dies before or after a write of it", async () => {
  await using mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  await mesh.of("state-store").stop();
  const root = await mesh.client();
  const faults = [
    ...[
      "secret.key/before=crash",
      "secret.key/after=crash",
      "secret.set/before=crash",
      "secret.set/after=crash",
    ],
    ...["history.secret/before=crash", "history.secret/after=crash"],
    ...[
      "secret.delete/before=crash",
      "secret.delete/after=crash",
      "secret.set/after=lose",
      "secret.set/before=twice",
    ],
  ];
  /** Whoever asks a store that dies hears nothing, for a while. */
  const again = async (
    store: { isRunning(): boolean },
    ask: (timeoutMs: number) => Promise<unknown>,
  ): Promise<void> => {
    await ask(1_500).catch(() => undefined);
    if (store.isRunning()) return;
    await mesh.start("state-store");
    await ask(10_000).catch((thrown: unknown) => {
      // It was deleted before.
      if ((thrown as { code: string }).code !== "unknown_secret") throw thrown;
    });
  };
  let runner: Promise<unknown> | undefined;
  for (const [index, fault] of faults.entries()) {
    const store = await mesh.start("state-store", { JM_FAULTS: fault });
    runner ??= mesh.start("flight-plan-runner");
    if (fault.startsWith("secret.key")) {
      await store.gone;
      continue;
    }
    await runner;
    const name = `word${String(index)}`;
    await again(store, (timeoutMs) => setSecret(root, { name, value: canary() }, timeoutMs));
    const { items } = await root.request<{ items: SecretView[] }>("secret.list");
    expect([fault, items.filter((one) => one.name === name).length]).toEqual([fault, 1]);
    await again(store, (timeoutMs) => root.request("secret.delete", { name }, timeoutMs));
    const left = await root.request<{ items: SecretView[] }>("secret.list");
    expect([fault, left.items.map((one) => one.name)]).toEqual([fault, []]);
    for (const one of mesh.services) if (one.name === "state-store" && one.isRunning()) await one.stop();
  }
  const entries = await allHistory(root.connection, root.names);
  const ids = entries.map(({ id, what }) => `${id} ${what}`);
  expect(new Set(ids).size).toBe(ids.length);
}, 300_000);
