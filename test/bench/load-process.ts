import { type Child, hear, startNode } from "./child-process.ts";
import type { Load } from "./engine.ts";
import type { LoopResult } from "./inside/closed-loop.ts";
import type { FromLoad, FromWorker, ToLoad } from "./inside/messages.ts";
import type { Resources } from "./resources.ts";

const READY_MS = 60_000;
/** How long what is under way at the end of a loop may take to end. */
const DRAIN_MS = 20_000;

export async function startLoad(
  name: string,
  file: string,
  env: Readonly<Record<string, string>>,
  resources: Resources,
): Promise<Load> {
  const child = startNode(`${name}: load`, file, env, resources);
  const tell = (message: ToLoad): void => void child.process.send(message);
  await hear(`${name}: load`, child, (said) => (said as FromLoad).is === "ready" || undefined, READY_MS);
  return {
    pid: child.pid,
    hold: (id) => tell({ hold: id }),
    run(options, events) {
      let result: LoopResult | undefined;
      tell({ run: options });
      return hear(
        `${name}: load`,
        child,
        (said) => {
          const message = said as FromLoad;
          switch (message.is) {
            case "failed":
              throw new Error(message.problem);
            case "began":
              events.began();
              return undefined;
            case "ended":
              events.ended();
              result = message;
              return undefined;
            case "drained":
              return result;
            case "ready":
              return undefined;
          }
        },
        options.warmUpMs + options.forMs + DRAIN_MS,
      );
    },
  };
}

export interface WorkerProcess {
  readonly pid: number;
  /** Resolves with the id of the next job that stays, when it has begun there. */
  holding(withinMs: number): Promise<string>;
  kill(): Promise<void>;
}

export async function startWorker(
  name: string,
  file: string,
  env: Readonly<Record<string, string>>,
  resources: Resources,
): Promise<WorkerProcess> {
  const child: Child = startNode(`${name}: worker`, file, env, resources);
  await hear(`${name}: worker`, child, (said) => (said as FromWorker).is === "ready" || undefined, READY_MS);
  return {
    pid: child.pid,
    holding: (withinMs) =>
      hear(
        `${name}: worker`,
        child,
        (said) => {
          const message = said as FromWorker;
          return message.is === "holding" ? message.id : undefined;
        },
        withinMs,
      ),
    kill: () => child.end("SIGKILL"),
  };
}
