// A broker with a mesh's streams and stand-ins for two of its services, under our configuration or under a naive one:
// one account for all, with permissions as somebody would write them down first.
import { createNames, type Names, SERVICE_NAMES, type ServiceName, topologyOf } from "@jetmesh/protocol";
import { type Connection, connectMesh, ensureTopology, respond } from "@jetmesh/storage";
import { createTestKeys, eventually, startNatsServer } from "@jetmesh/testkit";

export interface World {
  readonly names: Names;
  /** Sees and may do everything. */
  readonly operator: Connection;
  /** Subjects that the gateway was asked on, in order. */
  readonly asked: readonly string[];
  /** With the credentials of a user. */
  user(name: string): Promise<Connection>;
  service(name: ServiceName): Promise<Connection>;
  /** How many messages a stream has on a subject. */
  stored(stream: string, subject: string): Promise<number>;
  [Symbol.asyncDispose](): Promise<void>;
}

export const USERS = ["alice", "bob", "state-store", "authz", "gateway", "runner"] as const;

/** What a user may publish and hear where there is one account. */
export interface Naive {
  readonly publish: (user: string) => readonly string[];
  readonly subscribe?: (user: string) => readonly string[];
  readonly publishOfRunner?: string;
  /** Services in one account and all users in another, which imports what users may send. */
  readonly usersApart?: boolean;
  /** Settings that `JM_TRIGGERS` has beside those of the mesh. */
  readonly triggers?: Readonly<Record<string, unknown>>;
}

/** A user's own name in the subject, as one would have it. */
export const OWN_NAME: Naive = {
  publish: (user) => ["trigger", "target", "api"].map((kind) => `jm.${kind}.${user}.>`),
};

/** Our configuration where none is given. */
export async function startWorld(naive?: Naive): Promise<World> {
  const names = createNames();
  const keys = createTestKeys(names, USERS);
  const extraConfig = naive === undefined ? keys.include : naiveConfig(keys.keyring, naive);
  const server = await startNatsServer({ extraConfig });
  const connections: Connection[] = [];
  const connect = async (who: string, inboxPrefix: string): Promise<Connection> => {
    const connection = await connectMesh({
      url: server.url,
      name: who,
      credsFile: keys.fileOf(who),
      inboxPrefix,
    });
    connections.push(connection);
    return connection;
  };
  const operator = await connect("operator", "_INBOX.operator");
  await ensureTopology(operator, topologyOf(names, { replicas: 1 }));
  if (naive?.triggers !== undefined)
    await operator.jsm.streams.update(names.streams.triggers, naive.triggers);
  const asked: string[] = [];
  const gateway = await connect("service.gateway", "_INBOX.gateway");
  respond(gateway, names.api.all, "q", (request) => {
    asked.push(request.subject);
    request.reply({ answer: request.subject });
  });
  const stateStore = await connect("service.state-store", "_INBOX.state-store");
  respond(stateStore, names.svc.of("state-store", "pool"), "state-store", (request) =>
    request.reply({ v: 1 }),
  );
  await gateway.nc.flush();
  await stateStore.nc.flush();
  return {
    names,
    operator,
    asked,
    user: (name) => connect(name, `_INBOX.${name}`),
    service: (name) => connect(`service.${name}`, `_INBOX.${name}`),
    stored: async (stream, subject) => {
      const { state } = await operator.jsm.streams.info(stream, { subjects_filter: subject });
      return state.subjects?.[subject] ?? 0;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(connections.map((connection) => connection.close()));
      await server.stop();
      keys.remove();
    },
  };
}

function naiveConfig(
  keyring: ReturnType<typeof createTestKeys>["keyring"],
  { publish, subscribe = () => ["_INBOX.>"], publishOfRunner = ">", usersApart = false }: Naive,
): string {
  const list = (subjects: readonly string[]): string => JSON.stringify(subjects);
  const user = (key: string, pub: string, sub: string): string =>
    `{ nkey: ${key}, permissions { publish: ${pub}, subscribe: ${sub} } }`;
  const services = [
    `{ nkey: ${keyring.operator} }`,
    ...SERVICE_NAMES.map((name) =>
      user(keyring.services[name], name === "flight-plan-runner" ? publishOfRunner : ">", ">"),
    ),
  ];
  const users = keyring.users.flatMap(({ name, publicKeys }) =>
    publicKeys.map((key) => user(key, list(publish(name)), list(subscribe(name)))),
  );
  return usersApart
    ? twoAccounts(services, users)
    : `authorization { users: [ ${[...services, ...users].join("\n")} ] }`;
}

function twoAccounts(services: readonly string[], users: readonly string[]): string {
  const subjects = ["jm.trigger.>", "jm.target.>", "jm.api.>"];
  return `accounts {
    MESH { jetstream: enabled, users: [ ${services.join("\n")} ]
      exports: [ ${subjects.map((subject) => `{ service: "${subject}" }`).join()} ] }
    USERS { users: [ ${users.join("\n")} ]
      imports: [ ${subjects.map((subject) => `{ service { account: MESH, subject: "${subject}" } }`).join()} ] }
  }`;
}

/** Whether something comes about, soon. */
export const happens = (check: () => Promise<boolean> | boolean): Promise<boolean> =>
  eventually("it to happen", async () => ((await check()) ? true : undefined), { withinMs: 350 }).catch(
    () => false,
  );
