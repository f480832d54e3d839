import { assertServer, connectMesh, ensureError } from "@jetmesh/storage";
import { AUTH_CONFIG, type MeshAuth } from "../auth/mesh-auth.ts";
import { ensureSeeds, seedFileOf } from "../auth/secret-seeds.ts";
import { SERVICES, type ServiceName } from "../doctor/services.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";
import { startService } from "./service-process.ts";
import type { StopSignals } from "./stop-signals.ts";
import type { Store } from "./store.ts";
import type { Supervised } from "./supervise.ts";

/** The processes of a mesh on this machine. */
export interface LocalMesh {
  /** Starts the server, unless there is one; gives its url. */
  startServer(): Promise<string>;
  startServices(url: string): Promise<void>;
  /** Has the server that was started here read its configuration again. */
  readonly reloadServer: NatsServer["reload"];
  /** Services first, then the server; whatever was started, however far that got. */
  stop(): Promise<void>;
  kill(): void;
}

interface LocalMeshOptions {
  readonly store: Store;
  readonly serverUrl: string | undefined;
  readonly port: number | undefined;
  readonly runners: number;
  readonly env: Environment;
  readonly auth: MeshAuth | undefined;
  readonly stop: StopSignals;
  readonly note: (line: string) => void;
}

/** Who takes work in goes first, who others need to finish theirs goes last. */
const STOP_ORDER: readonly (readonly ServiceName[])[] = [
  ["gateway", "lifecycle-ticker", "flight-plan-runner"],
  ["state-store", "authz"],
];

export function createLocalMesh(options: LocalMeshOptions): LocalMesh {
  const { store, env, auth, stop, note } = options;
  const services: { readonly name: ServiceName; readonly process: Supervised }[] = [];
  let server: NatsServer | undefined;

  return {
    async startServer() {
      if (options.serverUrl !== undefined) {
        await assertUsable(options.serverUrl, env["NATS_CREDS_FILE"]);
        return options.serverUrl;
      }
      auth?.prepare();
      const include = auth === undefined ? undefined : AUTH_CONFIG;
      server = await startNatsServer(store, env, { port: options.port, include, note });
      await stop.orStopped(server.ready);
      const url = server.url();
      await assertUsable(url, auth?.folder.operatorFile);
      return url;
    },
    async startServices(url) {
      stop.signal.throwIfAborted();
      for (const name of SERVICES) {
        const count = name === "flight-plan-runner" ? options.runners : 1;
        for (let index = 1; index <= count; index += 1) {
          const label = index === 1 ? name : `${name}-${index}`;
          const process = startService(name, {
            store,
            label,
            env: { ...env, NATS_URL: url, ...auth?.envOf(name), ...seedsOf(name, options) },
            note,
          });
          services.push({ name, process });
        }
      }
      await stop.orStopped(Promise.all(services.map(({ process }) => process.ready)));
    },
    reloadServer: (how) => server?.reload(how),
    async stop() {
      for (const names of STOP_ORDER) {
        const group = services.filter(({ name }) => names.includes(name));
        await Promise.all(group.map(({ process }) => process.stop()));
      }
      await server?.stop();
    },
    kill() {
      for (const { process } of services) process.kill();
      server?.kill();
    },
  };
}

/** What opens secrets is made where there is none yet, and told to runners alone. */
function seedsOf(name: ServiceName, { store, env }: LocalMeshOptions): Record<string, string> {
  if (name !== "flight-plan-runner" || (env["JM_SECRETS_SEED_FILE"] ?? "") !== "") return {};
  const file = seedFileOf(store.path);
  ensureSeeds(file);
  return { JM_SECRETS_SEED_FILE: file };
}

async function assertUsable(url: string, creds = ""): Promise<void> {
  const connection = await connectMesh({
    url,
    name: "jetmesh up",
    credsFile: creds === "" ? undefined : creds,
  });
  try {
    await assertServer(connection);
  } catch (thrown) {
    throw new FailedError(
      `the nats-server at ${url} cannot be used: ${ensureError(thrown).message}\n  it must be 2.14 or newer, with JetStream on; without NATS_URL, \`up\` starts one`,
    );
  } finally {
    await connection.close();
  }
}
