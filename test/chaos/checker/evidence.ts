import { readFileSync } from "node:fs";
import { connect, type NatsConnection } from "nats";

/**
 * What is there when a storm is over, read as an outside program would: from NATS with the public client, and from
 * the file that every step writes to. Nothing here or in `verdict.ts` imports anything of the mesh: the shapes are
 * those that the documentation promises, read for themselves.
 */
export interface ActionSeen {
  readonly id: string;
  /** Absent where there is only a marker left. */
  readonly state: string | undefined;
  /** When the broker stored it, milliseconds since 1970. */
  readonly storedAt: number;
}
export interface JetSeen {
  readonly reference: string;
  readonly state: string | undefined;
  readonly open: string | undefined;
  readonly waits: number;
  readonly hasTarget: boolean;
  readonly isDestroyed: boolean;
}
export interface HistorySeen {
  readonly what: string;
  readonly id: string;
  readonly jet: string | undefined;
  readonly action: string | undefined;
  /** What asked for it; the hops towards a target share the target's. */
  readonly via: string | undefined;
  readonly key: string | undefined;
  readonly outcome: string | undefined;
  readonly code: string | undefined;
  readonly storedAt: number;
  readonly transitions: readonly { readonly to: string; readonly at: number }[];
}
/** One line of a step: `<jet> <action id> <attempt> <step> begin|end`, and where limits and the like are looked at `<runner> <group> <secret>|-`. */
export interface LineSeen {
  readonly jet: string;
  readonly id: string;
  readonly attempt: number;
  readonly step: string;
  readonly what: string;
  readonly runner: string;
  /** What its limits are counted by. */
  readonly group: string;
  readonly secret: string | undefined;
}
/** A slot of a limit that somebody has. */
export interface SlotSeen {
  readonly key: string;
  readonly id: string;
}
/** What was asked for under a key, and what was answered. */
export interface AskedFor {
  readonly key: string;
  readonly via: string;
  readonly jet: string;
  readonly action: string;
  readonly taken: boolean;
  readonly actionId?: string;
  readonly refusal?: string;
}
/** A runner that was killed, when, and the actions whose records named it then. */
export interface Killed {
  readonly at: number;
  readonly ids: readonly string[];
}

/** What was said of the actions of some names, in the words of whoever said it. */
export interface Rules {
  /** So many of them at a time; of each group on its own, where it says so. */
  readonly limits: readonly {
    readonly name: string;
    readonly concurrency: number;
    readonly isPerGroup: boolean;
    readonly actions: ReadonlySet<string>;
  }[];
  /** They run on these runners and no others. */
  readonly placed: readonly {
    readonly actions: ReadonlySet<string>;
    readonly runners: ReadonlySet<string>;
  }[];
  /** The value that steps have, by `<action>/<step>`; all others have none. */
  readonly secrets: ReadonlyMap<string, string>;
}
export const NO_RULES: Rules = { limits: [], placed: [], secrets: new Map() };

export interface Evidence {
  readonly at: number;
  readonly closedTtlMs: number;
  readonly actions: readonly ActionSeen[];
  readonly jets: readonly JetSeen[];
  readonly history: readonly HistorySeen[];
  readonly lines: readonly LineSeen[];
  /** Slots that were still taken. */
  readonly held: readonly SlotSeen[];
  readonly rules: Rules;
  /** Files of the broker with the value of a secret in them. */
  readonly filesWithSecret: readonly string[];
  /** How many messages lie in the two work queues, and how many dead letters there are. */
  readonly left: { readonly triggers: number; readonly resumes: number; readonly dead: number };
  readonly asked: readonly AskedFor[];
  readonly killed: readonly Killed[];
  /** `<action>/<step>` of the steps that may run again after an interruption. */
  readonly mayRunAgain: ReadonlySet<string>;
  /** Codes that an action may end with where it fails. */
  readonly mayEndWith: ReadonlySet<string>;
  /** States in which a jet may be left. */
  readonly mayRestIn: ReadonlySet<string>;
  /** New lines that appeared when old messages were sent again after all was over. */
  readonly linesAfterwards: number;
}

type Json = Record<string, unknown>;
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);
const object = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

interface Message {
  readonly subject: string;
  readonly isMarker: boolean;
  readonly storedAt: number;
  readonly json: Json;
}

/** Every message of a stream, oldest first. */
async function readAll(nc: NatsConnection, stream: string): Promise<Message[]> {
  const manager = await nc.jetstreamManager();
  const { state } = await manager.streams.info(stream);
  const found: Message[] = [];
  if (state.messages === 0) return found;
  const consumer = await nc.jetstream().consumers.get(stream);
  for (let isOver = false; !isOver; ) {
    const batch = await consumer.fetch({ max_messages: 500, expires: 2_000 });
    let got = 0;
    for await (const message of batch) {
      got += 1;
      const isMarker =
        message.headers?.has("KV-Operation") === true || message.headers?.has("Nats-Marker-Reason") === true;
      const json = isMarker || message.data.length === 0 ? {} : object(message.json());
      found.push({
        subject: message.subject,
        isMarker,
        storedAt: message.info.timestampNanos / 1e6,
        json,
      });
      if (message.info.pending > 0) continue;
      isOver = true;
      break;
    }
    if (got === 0) isOver = true;
  }
  return found;
}

/** Every message of a bucket, which is one stream, or several with a number behind the name. */
async function readBucket(nc: NatsConnection, bucket: string): Promise<Message[]> {
  const manager = await nc.jetstreamManager();
  const streams: string[] = [];
  for await (const name of manager.streams.names()) streams.push(name);
  const own = streams.filter((name) => new RegExp(`^KV_${bucket}(_[0-9]+)?$`).test(name));
  // A mesh without any would have nothing to be blamed for.
  if (own.length === 0) throw new Error(`there is no stream of ${bucket}`);
  const found: Message[] = [];
  for (const stream of own) found.push(...(await readAll(nc, stream)));
  return found;
}

export interface SeenInNats {
  readonly at: number;
  readonly actions: readonly ActionSeen[];
  readonly jets: readonly JetSeen[];
  readonly history: readonly HistorySeen[];
  readonly held: readonly SlotSeen[];
  readonly left: Evidence["left"];
}

export async function readNats(url: string): Promise<SeenInNats> {
  const nc = await connect({ servers: url.split(",") });
  try {
    const manager = await nc.jetstreamManager();
    const [actions, jets, slots, history] = [
      await readBucket(nc, "jm_actions"),
      await readBucket(nc, "jm_jets"),
      await readBucket(nc, "jm_slots"),
      await readAll(nc, "JM_HISTORY"),
    ];
    const count = async (stream: string): Promise<number> =>
      (await manager.streams.info(stream)).state.messages;
    return {
      at: Date.now(),
      actions: actions.map(({ subject, isMarker, storedAt, json }) => ({
        id: subject.slice(subject.lastIndexOf(".") + 1),
        state: isMarker ? undefined : text(json["state"]),
        storedAt,
      })),
      jets: jets.filter(({ isMarker }) => !isMarker).map(({ json }) => toJet(json)),
      history: history.map(({ json, storedAt }) => toHistory(json, storedAt)),
      held: slots.flatMap(({ subject, json }) =>
        list(json["holders"]).map((one) => ({
          key: subject.slice("$KV.jm_slots.".length),
          id: text(object(one)["id"]) ?? "",
        })),
      ),
      left: {
        triggers: await count("JM_TRIGGERS"),
        resumes: await count("JM_RESUME"),
        dead: await count("JM_DEAD"),
      },
    };
  } finally {
    await nc.close();
  }
}

const toJet = (json: Json): JetSeen => ({
  reference: text(json["reference"]) ?? "",
  state: text(json["state"]),
  open: text(object(json["open"])["id"]),
  waits: list(json["queue"]).length,
  hasTarget: json["target"] !== undefined,
  isDestroyed: json["destroyedAt"] !== undefined,
});

const toHistory = (json: Json, storedAt: number): HistorySeen => ({
  what: text(json["what"]) ?? "",
  id: text(json["id"]) ?? "",
  jet: text(json["jet"]),
  action: text(json["action"]),
  via: text(object(json["trigger"])["via"]),
  key: text(object(json["trigger"])["key"]),
  outcome: text(json["outcome"]),
  code: text(object(json["error"])["code"]) ?? text(object(json["refusal"])["code"]),
  storedAt,
  transitions: list(json["transitions"]).map((one) => ({
    to: text(object(one)["to"]) ?? "",
    at: Date.parse(text(object(one)["at"]) ?? ""),
  })),
});

export function readWorld(file: string): LineSeen[] {
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [jet = "", id = "", attempt = "", step = "", what = "", ...more] = line.split(" ");
      const [runner = "", group = "", secret = "-"] = more;
      const seen = { jet, id, attempt: Number(attempt), step, what, runner, group };
      return { ...seen, secret: secret === "-" ? undefined : secret };
    });
}
