import { type NatsConnection, headers as newHeaders } from "nats";

/**
 * What the `nats` command does for the lines that our pages have, by the older client package: `pub`, `req`,
 * `stream info|get`, `kv get|ls`. Whatever it does not know, an option too, is an error.
 */
export async function natsCommand(nc: NatsConnection, line: string): Promise<unknown> {
  const [command, ...args] = wordsOf(line);
  if (command !== "nats") throw new Error(`no nats command: ${line}`);
  const { words, options } = optionsOf(args);
  const [verb = "", ...rest] = words;
  const kind = verb === "stream" || verb === "kv" ? `${verb} ${rest.shift() ?? ""}` : verb;
  const [first = "", second = ""] = rest;
  const run = COMMANDS[kind];
  if (run === undefined) throw new Error(`no such command: ${line}`);
  const unknown = [...options.keys()].filter((name) => !run.options.includes(name));
  if (unknown.length > 0 || rest.length !== run.takes) throw new Error(`not as ${kind} is called: ${line}`);
  return run.does(nc, first, second, options);
}

interface Command {
  /** How many words follow it. */
  readonly takes: number;
  readonly options: readonly string[];
  does(nc: NatsConnection, first: string, second: string, options: Options): Promise<unknown>;
}
type Options = ReadonlyMap<string, string>;

const COMMANDS: Readonly<Record<string, Command>> = {
  pub: {
    takes: 2,
    options: ["-H"],
    does: async (nc, subject, body, options) => {
      const headers = newHeaders();
      const [name = "", value = ""] = (options.get("-H") ?? "").split(/:(.*)/);
      if (name !== "") headers.append(name, value);
      nc.publish(subject, body, { headers });
      await nc.flush();
    },
  },
  req: {
    takes: 2,
    options: [],
    does: async (nc, subject, body) => shown((await nc.request(subject, body, { timeout: 5_000 })).data),
  },
  "stream info": {
    takes: 1,
    options: ["--json"],
    does: async (nc, stream) => (await nc.jetstreamManager()).streams.info(stream),
  },
  "stream get": {
    takes: 1,
    options: ["--last-for"],
    does: async (nc, stream, _none, options) => {
      const { streams } = await nc.jetstreamManager();
      return shown(
        (await streams.getMessage(stream, { last_by_subj: options.get("--last-for") ?? "" })).data,
      );
    },
  },
  "kv get": {
    takes: 2,
    options: ["--raw"],
    does: async (nc, bucket, key) => {
      const entry = await (await nc.jetstream().views.kv(bucket, { bindOnly: true })).get(key);
      if (entry === null) throw new Error(`there is no ${key} in ${bucket}`);
      return shown(entry.value);
    },
  },
  "kv ls": {
    takes: 1,
    options: [],
    does: async (nc, bucket) => {
      const keys: string[] = [];
      for await (const key of await (await nc.jetstream().views.kv(bucket, { bindOnly: true })).keys())
        keys.push(key);
      return keys;
    },
  },
};

const FLAGS: readonly string[] = ["--json", "--raw"];

function optionsOf(args: readonly string[]): { words: string[]; options: Options } {
  const [words, options] = [[] as string[], new Map<string, string>()];
  for (let at = 0; at < args.length; at += 1) {
    const arg = args[at] ?? "";
    if (!arg.startsWith("-")) words.push(arg);
    else options.set(arg, FLAGS.includes(arg) ? "" : (args[(at += 1)] ?? ""));
  }
  return { words, options };
}

/** As a shell splits it, where nothing but single quotes are used; a comment ends it. */
const wordsOf = (line: string): string[] =>
  [...line.replace(/\s+#.*$/, "").matchAll(/'([^']*)'|(\S+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );

/** JSON as it is; anything else is text. */
function shown(data: Uint8Array): unknown {
  const text = new TextDecoder().decode(data);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
