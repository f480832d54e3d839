import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MeshError } from "@jetmesh/client";
import { eventually, startMesh, startNatsServer } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { named, whyNotRoot } from "../../support/root-only.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

/** A file system of the test's own, so small that it can be filled. */
interface SmallDisk extends Disposable {
  readonly store: string;
  fill(): void;
  free(): void;
}

function mountSmallDisk(): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "jm-disk-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=48m", "tmpfs", path]);
  const store = join(path, "store");
  const ballast = join(path, "ballast");
  mkdirSync(store);
  return {
    store,
    fill() {
      const file = openSync(ballast, "a");
      try {
        for (let size = 1024 * 1024; size >= 4_096; size /= 2) fillWith(file, Buffer.alloc(size));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    [Symbol.dispose]() {
      execFileSync("umount", ["-l", path]);
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function fillWith(file: number, chunk: Buffer): void {
  try {
    for (;;) writeSync(file, chunk);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOSPC") throw thrown;
  }
}

const WHY_NOT = whyNotRoot("mount", "umount");

test.skipIf(WHY_NOT !== undefined)(
  named(
    "a disk that is full: the API refuses with a code, no service ends, and all goes on once the broker was restarted with space",
    WHY_NOT,
  ),
  async () => {
    using disk = mountSmallDisk();
    const server = await startNatsServer({ storeDir: disk.store });
    await using mesh = await startMesh({ broker: server });
    const client = await mesh.client();
    const load = await startLoad(client, { name: "full" });
    await load.progress(20);

    disk.fill();
    await eventually(
      "the broker to store no more",
      () =>
        // To wait its turn takes a write, also where the jet is busy.
        client.request("jet.trigger", { jet: "full0", action: "turn", onBusy: "queue" }).then(
          () => undefined,
          (refused: unknown) =>
            refused instanceof MeshError && refused.code === "unavailable" ? true : undefined,
        ),
      { withinMs: 20_000 },
    );
    expect(noneRestarted(mesh)).toBe(true);

    disk.free();
    // nats-server 2.15 has frozen what it could not write, and thaws it at its next start alone.
    await server.kill();
    await server.restart();
    await untilAllServe(mesh, client, 5_000);
    await load.progress(20, 30_000);
    await load.stop();
    const faults = await load.faults(60_000);
    expect(faults.filter((fault) => !/ended ERROR step_interrupted|ran 0 times/.test(fault))).toEqual([]);
    expect(noneRestarted(mesh)).toBe(true);
  },
);
