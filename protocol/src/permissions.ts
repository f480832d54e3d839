import { ADVISORY_CONSUMER, type Names, SCHEDULE_CONSUMER, TRIGGER_CONSUMER } from "./subjects.ts";
import { topologyOf } from "./topology.ts";

/**
 * What each process of a mesh may do on a broker that asks who is there: the one table that the server's configuration
 * is made of (`storage/src/server-config.ts`) and `docs/security.md` is held against. Design §6 says who may write what;
 * the rest is what each needs to do so.
 */
export const SERVICE_NAMES = [
  "gateway",
  "authz",
  "state-store",
  "lifecycle-ticker",
  "flight-plan-runner",
] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/**
 * Services in an account of their own, which imports what they may do and nothing else. In the mesh's own account
 * whoever may write anything may have the broker's answer to it written anywhere, by naming a bucket's subject as the
 * reply; a runner, which runs what people wrote into plans, must not have that (ADR 0027).
 */
export const ISOLATED: ReadonlySet<ServiceName> = new Set(["flight-plan-runner"]);

export interface Grants {
  /** Subjects of streams and buckets that it writes. */
  readonly writes: readonly string[];
  /** Subjects by which it asks or tells other services. */
  readonly asks: readonly string[];
  /** Subjects on which it is asked or told. */
  readonly listens: readonly string[];
  /** Streams that it reads message by message, from their leader. */
  readonly reads: readonly string[];
  /** Streams that it reads by consumers of its own, which go by themselves. */
  readonly follows: readonly string[];
  /** Work queues that it takes messages from, and the consumer by which. */
  readonly takes: readonly { readonly stream: string; readonly consumer: string }[];
  /** What else it asks of the JetStream API: what comes behind its prefix. */
  readonly manages: readonly string[];
}

/** By `svc.<service>.<verb>`, as `SVC_REQUESTS` has them. */
const TO_STATE_STORE = [
  "import",
  "jet-create",
  "jet-trigger",
  "jet-target",
  "jet-path",
  "jet-update",
  "jet-delete",
  "waiting-cancel",
  "definition-delete",
  "schedule-pause",
  "limit-look",
  "action-create",
  "action-change",
  "action-signal",
  "approve",
  "action-rollback",
  "dead",
  "dead-replay",
  "secret-key",
  "secret-set",
  "secret-list",
  "secret-delete",
  "secret-rotate",
] as const;
/** Of those, the ones that go to the state-store that had the jet last, where there are several. */
const TO_OWNER = ["jet-trigger", "jet-target", "jet-update", "jet-delete", "waiting-cancel"] as const;
const OF_RUNNERS = [
  "pool",
  "kind",
  "dead",
  "late",
  "ended",
  "child-create",
  "child-cancel",
  "child-jet",
  "jet-look",
  "jets-of",
  "action-signal",
  "action-rollback",
  "secret-key",
] as const;

export function grantsOf(names: Names): Readonly<Record<ServiceName, Grants>> {
  const { streams, buckets, svc } = names;
  const { definitions, jets, actions, steps, secrets, runners, leases, slots } = buckets;
  const streamsOf = (...all: readonly string[]): string[] =>
    all.flatMap((bucket) => names.bucketsOf(bucket).map((one) => names.kvStream(one)));
  const keysOf = (...all: readonly string[]): string[] =>
    all.flatMap((bucket) => names.bucketsOf(bucket).map((one) => names.kv(one, ">")));
  /** Marks of what kills processes, and probes of how slow the disk is: whoever takes from a queue has them. */
  const marks = [names.kv(leases, "suspect.>"), names.kv(leases, "probe.*")];
  const topology = topologyOf(names, { replicas: 1 }).streams.map(({ name }) => name);
  const sharded = streamsOf(jets, actions, steps);
  const queues = [streams.triggers, streams.resume, streams.schedules, streams.advisories];

  return {
    gateway: {
      writes: [],
      asks: [
        svc.of("authz", "check"),
        ...TO_STATE_STORE.map((verb) => svc.of("state-store", verb)),
        // Who there is, and the one that had a jet last.
        svc.of("state-store", "health"),
        ...TO_OWNER.map((verb) => svc.ofInstance("state-store", "*", verb)),
      ],
      listens: [
        names.api.all,
        svc.of("gateway", "health"),
        svc.ofInstance("gateway", "*", "told"),
        ...["PING", "INFO", "STATS"].flatMap((verb) => [`$SRV.${verb}`, `$SRV.${verb}.>`]),
      ],
      reads: streamsOf(definitions, jets, actions, steps, runners).concat(streams.logs, streams.dead),
      follows: streamsOf(definitions, jets, actions, runners).concat(streams.logs, streams.dead),
      takes: [],
      manages: [],
    },
    authz: {
      writes: [],
      asks: [],
      listens: [svc.of("authz", "check"), svc.of("authz", "health")],
      reads: streamsOf(definitions, jets),
      follows: streamsOf(definitions, jets),
      takes: [],
      manages: [],
    },
    "state-store": {
      writes: [
        ...keysOf(definitions, jets, actions, steps, secrets, slots),
        ...marks,
        names.kv(leases, "same.>"),
        names.resume.all,
        names.schedule.all,
        names.history.all,
        names.dead.all,
        // A dead letter that is replayed goes where it came from.
        names.trigger.all,
        names.trigger.allTargets,
      ],
      asks: [
        svc.of("authz", "check"),
        svc.ofInstance("gateway", "*", "told"),
        svc.ofInstance("runner", "*", "ask"),
        svc.ofPool("*", "offer"),
        svc.of("flight-plan-runner", "reseal"),
      ],
      listens: [
        ...[...new Set([...TO_STATE_STORE, ...OF_RUNNERS, "health"])].map((verb) =>
          svc.of("state-store", verb),
        ),
        // As one of several.
        ...[...new Set([...TO_STATE_STORE, ...OF_RUNNERS])].map((verb) =>
          svc.ofInstance("state-store", "*", verb),
        ),
      ],
      reads: streamsOf(definitions, jets, actions, steps, secrets, runners, leases, slots).concat(
        streams.triggers,
        streams.resume,
        streams.history,
        streams.schedules,
        streams.dead,
      ),
      // Whether an entry was written already, where the stream cannot tell any more.
      follows: streamsOf(definitions, jets, actions, secrets, slots).concat(streams.history),
      takes: [
        { stream: streams.triggers, consumer: TRIGGER_CONSUMER },
        { stream: streams.schedules, consumer: SCHEDULE_CONSUMER },
        { stream: streams.advisories, consumer: ADVISORY_CONSUMER },
      ],
      manages: [
        "STREAM.NAMES",
        ...topology.flatMap((stream) => [`STREAM.CREATE.${stream}`, `STREAM.INFO.${stream}`]),
        ...sharded.map((stream) => `STREAM.LEADER.STEPDOWN.${stream}`),
        ...queues.flatMap((stream) => [
          `CONSUMER.CREATE.${stream}.>`,
          `CONSUMER.DURABLE.CREATE.${stream}.*`,
          `CONSUMER.LIST.${stream}`,
        ]),
        ...[streams.triggers, streams.resume, streams.schedules, streams.dead].map(
          (stream) => `STREAM.MSG.DELETE.${stream}`,
        ),
      ],
    },
    "lifecycle-ticker": {
      writes: [names.resume.all, names.kv(leases, "lifecycle-ticker")],
      asks: [svc.ofInstance("runner", "*", "ping")],
      listens: [svc.of("lifecycle-ticker", "health")],
      reads: streamsOf(definitions, runners, leases),
      follows: streamsOf(actions),
      takes: [],
      manages: [],
    },
    "flight-plan-runner": {
      writes: [...keysOf(actions, steps, runners), ...marks, names.log.all, names.resume.all],
      asks: [
        ...OF_RUNNERS.map((verb) => svc.of("state-store", verb)),
        svc.ofInstance("state-store", "*", "ended"),
        svc.ofInstance("runner", "*", "ask"),
      ],
      listens: [
        svc.ofPool("*", "offer"),
        svc.ofInstance("runner", "*", "ping"),
        svc.ofInstance("runner", "*", "ask"),
        svc.of("flight-plan-runner", "health"),
        svc.of("flight-plan-runner", "reseal"),
      ],
      reads: streamsOf(definitions, actions, steps, secrets, runners, leases),
      follows: [],
      takes: [{ stream: streams.resume, consumer: "*" }],
      manages: [],
    },
  };
}

/** What of the JetStream API a service asks for, behind the prefix of that. */
export function apiOf(names: Names, service: ServiceName): string[] {
  const { reads, follows, manages } = grantsOf(names)[service];
  const leases = names.kvStream(names.buckets.leases);
  return [
    ...new Set([
      // Every process asks whether the broker is new enough, whether the streams are there, and what time it is.
      "INFO",
      `STREAM.INFO.${leases}`,
      ...reads.map((stream) => `STREAM.MSG.GET.${stream}`),
      ...follows.flatMap((stream) => [
        `STREAM.INFO.${stream}`,
        `CONSUMER.INFO.${stream}.*`,
        `CONSUMER.CREATE.${stream}`,
        `CONSUMER.CREATE.${stream}.>`,
      ]),
      ...manages,
    ]),
  ];
}

/** The subjects by which a service pulls from consumers, and answers for what it took. */
export function pullsOf(
  names: Names,
  service: ServiceName,
): { readonly next: readonly string[]; readonly acks: readonly string[] } {
  const { follows, takes } = grantsOf(names)[service];
  return {
    next: [...follows.map((stream) => ({ stream, consumer: "*" })), ...takes].map(
      ({ stream, consumer }) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
    ),
    // Of either version: with the domain and the account before the stream, or without.
    acks: takes.flatMap(({ stream, consumer }) => [
      `$JS.ACK.${stream}.${consumer}.>`,
      `$JS.ACK.*.*.${stream}.${consumer}.>`,
    ]),
  };
}

/** Where the answers to somebody's requests come; nobody else may listen there. */
export const inboxPrefixOf = (who: string): string => `_INBOX.${who}`;

/** Under which name an account of its own imports the JetStream API of the mesh: under `$JS.API` it is the account's own. */
export const isolatedApiPrefix = (names: Names): string => `${names.prefix}.js`;
export const API_PREFIX = "$JS.API";
