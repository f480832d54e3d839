import type { MeshClient } from "@jetmesh/client";
import type { Health } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import { eventually, type TestMesh } from "@jetmesh/testkit";

/** Waits until every kind of service of a mesh says of itself that it serves, and gives how long that took. */
export async function untilAllServe(mesh: TestMesh, client: MeshClient, withinMs: number): Promise<number> {
  const began = performance.now();
  const running = mesh.services.filter((service) => service.isRunning());
  const serves = (name: string): Promise<true> =>
    eventually(
      `${name} to serve`,
      async () => {
        const answer = await ask(client.connection, client.names.svc.of(name, "health"), {}, ANSWER_MS);
        return answer.ok && (answer.body as Health).ready ? true : undefined;
      },
      { withinMs, everyMs: 50 },
    );
  await Promise.all([...new Set(running.map(({ name }) => name))].map(serves));
  return performance.now() - began;
}

const ANSWER_MS = 1_000;

/** Whether the processes are the ones that were started, and none has ended. */
export const noneRestarted = (mesh: TestMesh): boolean =>
  mesh.services.every((service) => service.isRunning());
