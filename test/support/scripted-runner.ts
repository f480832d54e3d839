import { appendFileSync } from "node:fs";
import {
  type ActionContext,
  defineAction,
  failure,
  inProgress,
  type MainOutcome,
  paused,
  runRunner,
  sleeping,
  success,
  type WatcherOutcome,
} from "@jetmesh/sdk";
import { z } from "zod";
import { linesOf } from "./lines-of.ts";

/**
 * A runner of one kind, `scripted`, that does what its argument says, word by word, and writes down each call of a method
 * in a file: the method, the attempt, the process and the time.
 */
const Argument = z.object({
  file: z.string(),
  /** What init, main and the watcher do at each of their calls; the last word counts for all that follow. */
  init: z.array(z.string()).default(["go"]),
  main: z.array(z.string()).default(["SUCCESS"]),
  watcher: z.array(z.string()).default(["SUCCESS"]),
});
type Context = ActionContext<z.output<typeof Argument>>;

async function speak(context: Context, method: "init" | "main" | "watcher"): Promise<unknown> {
  const { file, ...words } = context.argument;
  const calls = linesOf(file).filter((line) => line.startsWith(`${method} `)).length;
  appendFileSync(file, `${method} ${String(context.attempt)} ${String(process.pid)} ${String(Date.now())}\n`);
  const word = words[method][Math.min(calls, words[method].length - 1)] ?? "SUCCESS";
  return act(context, word);
}

async function act(context: Context, word: string): Promise<unknown> {
  const { bag } = context;
  switch (word) {
    case "go":
      return undefined;
    case "SUCCESS":
      return success({ attempt: context.attempt, bag });
    case "ERROR":
      return failure("told_so", "it was told to");
    case "IN_PROGRESS":
      bag["seen"] = Number(bag["seen"] ?? 0) + 1;
      return inProgress();
    case "SLEEPING":
      return sleeping();
    case "PAUSED":
      return paused();
    case "nothing":
      return undefined;
    case "throw":
      throw new Error("thrown");
    case "throw a cycle": {
      const cycle: Record<string, unknown> = { huge: "x".repeat(5_000_000) };
      cycle["self"] = cycle;
      throw Object.assign(new Error("round and round"), { cycle });
    }
    case "heartbeat": {
      await context.heartbeat();
      return inProgress();
    }
    case "until aborted":
      await new Promise<void>((resolve) => context.signal.addEventListener("abort", () => resolve()));
      appendFileSync(context.argument.file, `aborted ${(context.signal.reason as { code: string }).code}\n`);
      throw new Error("aborted");
    case "deaf": {
      // Code that does not listen, and comes with its result when nobody waits for it any more.
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      return success("late");
    }
    case "beats behind its end": {
      // As code does that forgets to stop its timer: nobody looks at what comes of it.
      for (let n = 1; n <= 5; n += 1)
        setTimeout(() => {
          void context.heartbeat();
          appendFileSync(context.argument.file, "beat\n");
        }, n * 50);
      void context.heartbeat();
      return success({ attempt: context.attempt, bag });
    }
    case "dies":
      process.kill(process.pid, "SIGKILL");
      return new Promise(() => undefined);
    case "for ever":
      return new Promise(() => undefined);
    default:
      throw new Error(`no such word: ${word}`);
  }
}

const scripted = defineAction({
  kind: process.env["SCRIPTED_KIND"] ?? "scripted",
  argument: Argument,
  result: z.unknown(),
  frequency: "100ms",
  maxWatcherFailures: 3,
  init: async (context: Context) => {
    await speak(context, "init");
  },
  main: (context) => speak(context, "main") as Promise<MainOutcome<unknown>>,
  watcher: (context) => speak(context, "watcher") as Promise<WatcherOutcome<unknown>>,
});

/** As `scripted`, without a watcher. */
const unwatched = defineAction({
  kind: "unwatched",
  argument: Argument,
  result: z.unknown(),
  main: (context) => speak(context, "main") as Promise<MainOutcome<unknown>>,
});

await runRunner({ kinds: [scripted, unwatched] });
