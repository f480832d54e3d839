import {
  API_PREFIX,
  apiOf,
  grantsOf,
  ISOLATED,
  inboxPrefixOf,
  isolatedApiPrefix,
  MAX_WAIT_MS,
  type Names,
  pullsOf,
  Reference,
  SERVICE_NAMES,
  type ServiceName,
} from "@jetmesh/protocol";

/** Who may connect, by the public keys of their nkeys. */
export interface Keyring {
  readonly services: Readonly<Record<ServiceName, string>>;
  /** May do everything in the mesh's account: for people who look after the broker. */
  readonly operator: string;
  readonly users: readonly { readonly name: string; readonly publicKeys: readonly string[] }[];
}

export interface ServerConfigOptions {
  /** Those with the mesh's shards: each has subjects of its own. */
  readonly names: Names;
  readonly keyring: Keyring;
  /**
   * For how long the broker keeps the way back for an answer to `jm.api`; without it, 2 minutes, and the answer to
   * whoever waits longer is lost.
   */
  readonly apiAnswerMs?: number;
}

/** Longer than anybody may wait, so that it is the gateway that says so. */
const API_ANSWER_MS = MAX_WAIT_MS + 60_000;
/** A pull of a runner is over after 20 s; each keeps its way back for as long as this. */
const PULL_ANSWER_MS = 60_000;

/** What answers come to: somebody's inbox, or the way back into another account. */
const ANSWERS = ["_INBOX.>", "_R_.>"];

/**
 * The accounts of a mesh as a block of nats-server's configuration. Pure: the same keyring gives the same text.
 *
 * The mesh has an account of its own, and so has each user. A user's account imports the three subjects of the user's
 * own name as services, and nothing else of the mesh is there for it: not a stream, not a bucket, not another's
 * answers, also not as the reply subject of what it may send (ADR 0027).
 */
export function serverConfig({ names, keyring, apiAnswerMs = API_ANSWER_MS }: ServerConfigOptions): string {
  const users = keyring.users.filter(({ publicKeys }) => publicKeys.length > 0);
  for (const { name } of users) Reference.parse(name);
  const accounts = accountsOf(names);
  const userAccounts = users.map(({ name }) => accounts.user(name));
  const isolated = SERVICE_NAMES.filter((name) => ISOLATED.has(name));
  const mesh = SERVICE_NAMES.filter((name) => !ISOLATED.has(name));

  return [
    "# Written by jetmesh: who may connect, and what each may do (docs/security.md).",
    "accounts {",
    ...account(accounts.mesh, {
      jetStream: true,
      users: [
        `{ nkey: ${keyring.operator} }`,
        ...mesh.map((name) => inMesh(names, name, keyring.services[name])),
      ],
      exports: [
        ...[names.trigger.all, names.trigger.allTargets].map((subject) => service(subject, userAccounts)),
        service(names.api.all, userAccounts, `response_threshold: "${String(apiAnswerMs)}ms"`),
        ...isolated.flatMap((name) => exportsTo(names, name, accounts.service(name))),
      ],
      imports: isolated.flatMap((name) =>
        grantsOf(names)[name].listens.map((subject) => imported(accounts.service(name), subject)),
      ),
    }),
    ...isolated.flatMap((name) => isolatedAccount(names, name, keyring.services[name])),
    ...users.flatMap(({ name, publicKeys }) =>
      account(accounts.user(name), {
        users: publicKeys.map((key) => {
          const own = subjectsOfUser(names, name);
          // The account is the user's alone, so every inbox in it is the user's own.
          return user(key, own, ["_INBOX.>"]);
        }),
        imports: subjectsOfUser(names, name).map((subject) => imported(accounts.mesh, subject)),
      }),
    ),
    "}",
    "",
  ].join("\n");
}

/** The only subjects that a user may publish. */
export const subjectsOfUser = (names: Names, name: string): string[] =>
  [names.trigger.all, names.trigger.allTargets, names.api.all].map((all) => all.replace(/>$/, `${name}.>`));

/** Named after the mesh, so that several share a server. A user's cannot be taken for another one, whatever its name. */
export function accountsOf({ prefix }: Names): {
  readonly mesh: string;
  service(name: ServiceName): string;
  user(name: string): string;
} {
  const upper = prefix.toUpperCase();
  return {
    mesh: `${upper}_MESH`,
    service: (name) => `${upper}_SERVICE_${name}`,
    user: (name) => `${upper}_USER_${name}`,
  };
}

function inMesh(names: Names, name: ServiceName, key: string): string {
  const { writes, asks, listens } = grantsOf(names)[name];
  const { next, acks } = pullsOf(names, name);
  const api = apiOf(names, name).map((subject) => `${API_PREFIX}.${subject}`);
  return user(
    key,
    [...writes, ...asks, ...api, ...next, ...acks, ...ANSWERS],
    [...listens, `${inboxPrefixOf(name)}.>`],
  );
}

/** What the mesh's account gives to a service that is in one of its own. */
function exportsTo(names: Names, name: ServiceName, to: string): string[] {
  const { next, acks } = pullsOf(names, name);
  return [
    ...fromMesh(names, name).map((subject) => service(subject, [to])),
    ...acks.map((subject) => service(subject, [to])),
    ...apiOf(names, name).map((subject) => service(`${API_PREFIX}.${subject}`, [to])),
    ...next.map((subject) =>
      service(subject, [to], "response_type: stream", `response_threshold: "${String(PULL_ANSWER_MS)}ms"`),
    ),
  ];
}

/** What it writes, and asks of services that are not in its own account. */
function fromMesh(names: Names, name: ServiceName): string[] {
  const { writes, asks, listens } = grantsOf(names)[name];
  return [...writes, ...asks.filter((subject) => !listens.includes(subject))];
}

function isolatedAccount(names: Names, name: ServiceName, key: string): string[] {
  const accounts = accountsOf(names);
  const { mesh } = accounts;
  const { writes, asks, listens } = grantsOf(names)[name];
  const { next, acks } = pullsOf(names, name);
  const api = apiOf(names, name);
  const prefix = isolatedApiPrefix(names);
  return account(accounts.service(name), {
    users: [
      user(
        key,
        [...writes, ...asks, ...api.map((subject) => `${prefix}.${subject}`), ...next, ...acks, ...ANSWERS],
        [...listens, `${inboxPrefixOf(name)}.>`],
      ),
    ],
    // Every process of the service answers how it is.
    exports: listens.map((subject) => service(subject, [mesh], "response_type: stream")),
    imports: [
      ...[...fromMesh(names, name), ...acks, ...next].map((subject) => imported(mesh, subject)),
      ...api.map((subject) => imported(mesh, `${API_PREFIX}.${subject}`, `${prefix}.${subject}`)),
    ],
  });
}

interface Account {
  readonly jetStream?: boolean;
  readonly users: readonly string[];
  readonly exports?: readonly string[];
  readonly imports?: readonly string[];
}

function account(name: string, { jetStream = false, users, exports = [], imports = [] }: Account): string[] {
  const list = (key: string, items: readonly string[]): string[] =>
    items.length === 0 ? [] : [`    ${key}: [`, ...items.map((item) => `      ${item}`), "    ]"];
  return [
    `  ${text(name)} {`,
    ...(jetStream ? ["    jetstream: enabled"] : []),
    ...list("users", users),
    ...list("exports", exports),
    ...list("imports", imports),
    "  }",
  ];
}

const user = (key: string, publish: readonly string[], subscribe: readonly string[]): string =>
  `{ nkey: ${key}, permissions { publish { allow: ${texts(publish)} }, subscribe { allow: ${texts(subscribe)} } } }`;

const service = (subject: string, to: readonly string[], ...more: readonly string[]): string =>
  `{ ${[`service: ${text(subject)}`, `accounts: ${texts(to)}`, ...more].join(", ")} }`;

const imported = (from: string, subject: string, as?: string): string =>
  `{ service { account: ${text(from)}, subject: ${text(subject)} }${as === undefined ? "" : `, to: ${text(as)}`} }`;

const text = (value: string): string => JSON.stringify(value);
const texts = (values: readonly string[]): string => `[${values.map(text).join(", ")}]`;
