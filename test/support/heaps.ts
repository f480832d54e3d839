import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { eventually, type TestService } from "@jetmesh/testkit";

/** What services keep of what is over: bytes in use on their heaps behind a collection. */
export interface Heaps {
  /** For the mesh whose services are asked. */
  readonly env: Readonly<Record<string, string>>;
  bytesOf(service: TestService): Promise<number>;
  remove(): void;
}

export function createHeaps(): Heaps {
  const folder = mkdtempSync(join(tmpdir(), "jm-heaps-"));
  const probe = pathToFileURL(join(import.meta.dirname, "heap-probe.ts")).href;
  return {
    env: { JM_PROBE_DIR: folder, NODE_OPTIONS: `--expose-gc --import ${probe}` },
    async bytesOf(service) {
      const file = join(folder, `${String(service.pid)}.heap`);
      rmSync(file, { force: true });
      service.signal("SIGUSR2");
      return eventually(
        `${service.name} to say what it has in use`,
        () => {
          try {
            const bytes = Number(readFileSync(file, "utf8"));
            return bytes > 0 ? bytes : undefined;
          } catch {
            return undefined;
          }
        },
        { withinMs: 20_000 },
      );
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
