import { connectClient, type MeshClient } from "@jetmesh/client";
import { createNames } from "@jetmesh/protocol";
import { ensureError, type Follower, readMesh } from "@jetmesh/storage";
import { type MeshAuth, openAuth } from "../auth/mesh-auth.ts";
import { askHealth } from "../doctor/services.ts";
import { FailedError } from "../errors.ts";
import { followJets } from "../follow-jet.ts";
import { formatJetChange } from "../jet-changes.ts";
import type { Output } from "../output.ts";
import { DEFAULT_STORE, type Environment, type Settings } from "../settings.ts";
import { applyExample, checkSite, type Example } from "./example.ts";
import { createLocalMesh, type LocalMesh } from "./local-mesh.ts";
import { nextLines } from "./next-lines.ts";
import { listenForStop, StoppedError, type StopSignals } from "./stop-signals.ts";
import { openStore, type Store } from "./store.ts";

export interface UpOptions {
  readonly settings: Settings;
  readonly output: Output;
  readonly env: Environment;
  readonly serverUrl: string | undefined;
  /** Undefined for a throw-away one. */
  readonly store: string | undefined;
  readonly example: string | undefined;
  readonly once: boolean;
  readonly runners: number;
  readonly port: number | undefined;
  /** Whether everybody who connects is asked for a key; a mesh that was made so keeps it. */
  readonly auth: boolean;
}

/** What is up, and how it comes down. */
interface Up {
  readonly options: UpOptions;
  readonly store: Store;
  readonly mesh: LocalMesh;
  readonly stop: StopSignals;
  readonly auth: MeshAuth | undefined;
  client?: MeshClient;
  transitions?: Follower;
  example?: Example;
}

/** Serves until a signal, or goes through once. Whatever happens, everything that it started is stopped again. */
export async function runUp(options: UpOptions): Promise<void> {
  const { output, serverUrl, port, runners, env } = options;
  const store = openStore(options.store);
  const stop = listenForStop(() => {
    output.note("forced: ending everything now");
    mesh.kill();
    store.close();
    process.exit(1);
  });
  // A terminal that is gone is no reason to leave anything running.
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners("error").on("error", () => undefined);
  const auth = openAuthOf(options, store, (how) => mesh.reloadServer(how));
  const mesh = createLocalMesh({ store, serverUrl, port, runners, env, auth, stop, note: output.note });
  const up: Up = { options, store, mesh, stop, auth };

  const failures: Error[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (thrown) {
      if (!(thrown instanceof StoppedError)) failures.push(ensureError(thrown));
      else if (options.once) failures.push(new FailedError("it was stopped before it was through"));
    }
  };
  await attempt(() => start(up));
  if (failures.length === 0 && !options.once) await attempt(() => stop.asked);
  output.line("");
  output.line(options.once ? "stopping" : "stopping; a second Ctrl-C, after two seconds, does so at once");
  await attempt(() => comeDown(up));
  await up.transitions?.stop();
  await auth?.stop();
  await up.client?.close();
  await attempt(() => mesh.stop());
  store.close();
  end(up, failures);
}

async function start(up: Up): Promise<void> {
  const { options, store, mesh, stop } = up;
  const { settings, output } = options;
  const began = performance.now();
  const url = await mesh.startServer();
  output.line(options.serverUrl === undefined ? `nats-server serves ${url}` : `using the server at ${url}`);
  const { auth } = up;
  const client = await connectClient({
    ...settings,
    url,
    prefix: settings.names.prefix,
    name: "jetmesh up",
    ...(auth === undefined ? {} : { credsFile: auth.folder.operatorFile }),
  });
  up.client = client;
  await auth?.adoptShards(client);
  if (options.serverUrl !== undefined) await sayWhoIsThere(client, output);
  await sayIsPaused(client, url, output);
  await mesh.startServices(url);
  await stop.orStopped(auth?.follow(client) ?? Promise.resolve());
  store.writeUrl(url);
  const seconds = ((performance.now() - began) / 1_000).toFixed(1);
  output.line(`${5 + options.runners - 1} services run after ${seconds} s; logs are in ${store.path}/logs`);
  const site = options.example === undefined ? undefined : await startExample(up, client, options.example);
  stop.signal.throwIfAborted();
  if (options.once) return;
  const isDefaultStore = store.path === DEFAULT_STORE;
  const names = await stop.orStopped(client.meshNames());
  const keys = auth && { user: auth.folder.userFile(settings.user), operator: auth.folder.operatorFile };
  const lines = nextLines({ ...settings, names, url, keys, jet: up.example?.jet, isDefaultStore });
  const jet = up.example?.jet;
  output.result(
    { ready: true, url, ...(site === undefined ? {} : { site }), ...(jet === undefined ? {} : { jet }) },
    () => [
      "",
      ...(site === undefined ? [] : [`${jet ?? ""} serves ${site}`]),
      `The mesh is at ${url}. Talk to it:`,
      ...lines.map((line) => `  ${line}`),
      "",
      ...(auth === undefined ? [] : [...howToConnect(auth, isDefaultStore ? undefined : store.path), ""]),
      "Ctrl-C stops it.",
    ],
  );
}

/** Gives the address of what it shows, where it has one. */
async function startExample(up: Up, client: MeshClient, folder: string): Promise<string | undefined> {
  const { store, stop } = up;
  const { output } = up.options;
  const files = store.path === DEFAULT_STORE ? undefined : store.path;
  const example = await stop.orStopped(applyExample({ client, folder, files, line: output.line }));
  if (example === undefined) return undefined;
  const names = await stop.orStopped(client.meshNames());
  const transitions = followJets(client, names, {
    jet: example.jet,
    onChange: (change) => output.event(change, `  ${formatJetChange(change)}`),
    onProblem: output.note,
  });
  up.transitions = transitions;
  await stop.orStopped(transitions.ready);
  up.example = example;
  const actionId = await stop.orStopped(example.bringUp(stop.signal));
  await transitions.catchUp(2_000);
  const site = await stop.orStopped(checkSite(client, actionId));
  if (site !== undefined && up.options.once) output.line(`${example.jet} serves ${site}`);
  return site;
}

/** Services would wait without a word. */
async function sayIsPaused(
  { connection, names: { prefix } }: MeshClient,
  url: string,
  { note }: Output,
): Promise<void> {
  const backup = (await readMesh(connection, createNames(prefix)))?.record.backup;
  if (backup !== undefined)
    note(
      `paused: the store was restored from the backup of ${backup.at}; see \`jm --url ${url} doctor\`, then \`jm --url ${url} doctor --restored\``,
    );
}

/** What the example started, stopped by its own actions. */
async function comeDown({ options, example, transitions }: Up): Promise<void> {
  if (example === undefined) return;
  await example.bringDown();
  if (options.once) await example.destroy();
  await transitions?.catchUp(2_000);
}

function howToConnect({ folder }: MeshAuth, store: string | undefined): string[] {
  const jm = `./jm auth key alice${store === undefined ? "" : ` --store ${store}`}`;
  const use =
    store === undefined
      ? "./jm --user alice jet list"
      : `NATS_CREDS_FILE=${folder.userFile("alice")} ./jm --url … --user alice jet list`;
  return [
    `Everybody who connects needs a key. Keys are in ${folder.path}; a user gets one, and uses it:`,
    `  ${jm}`,
    `  ${use}`,
  ];
}

/** A server that is there already is configured by whoever runs it. */
function openAuthOf(
  { serverUrl, auth: wanted, env, settings, output }: UpOptions,
  store: Store,
  reload: LocalMesh["reloadServer"],
): MeshAuth | undefined {
  if (serverUrl !== undefined) return undefined;
  return openAuth({ store: store.path, wanted, env, names: settings.names, reload, note: output.note });
}

async function sayWhoIsThere(client: MeshClient, output: Output): Promise<void> {
  const there = await askHealth(client, 300);
  if (there.length === 0) return;
  const names = [...new Set(there.map(({ service }) => service))].join(", ");
  output.line(`a mesh runs there already (${names}): the services started here share its work`);
}

function end({ options, store }: Up, failures: readonly Error[]): void {
  const { output, once } = options;
  const [first, ...others] = failures;
  if (first === undefined) {
    if (!once) return output.line("stopped");
    store.remove();
    return output.result({ ok: true }, () => ["done: up, down and gone"]);
  }
  for (const other of others) output.note(`jm: also: ${other.message}`);
  if (once) output.note(`the logs are kept in ${store.path}/logs`);
  throw first;
}
