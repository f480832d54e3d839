import { closedLoop, type LoopResult } from "./closed-loop.ts";
import type { FromLoad, ToLoad } from "./messages.ts";

/** A caller: what an engine's load process does to trigger one job and to learn that it succeeded. */
export interface Caller {
  /** With an id that no job had before; resolves when the job's success is recorded and known here. */
  act(id: string, lane: number): Promise<void>;
  /** Triggers a job that stays in its main until its worker is killed; resolves when it is triggered. */
  hold?(id: string): Promise<void>;
}

const tell = (message: FromLoad): void => void process.send?.(message);

/** Runs in the load process: connects, then runs one loop after another as the bench asks. */
export async function serveLoad(connect: () => Promise<Caller>): Promise<void> {
  // The bench is gone, however: nobody counts any more.
  process.on("disconnect", () => process.exit(0));
  const caller = await connect();
  let made = 0;
  const nextId = (): string => `job-${process.pid.toString(36)}-${(made++).toString(36)}`;

  process.on("message", (message: ToLoad) => {
    const work =
      message.hold === undefined
        ? run(caller, message.run, nextId)
        : (caller.hold?.(message.hold) ?? refuse());
    work.catch((thrown: unknown) => {
      tell({
        is: "failed",
        problem: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown),
      });
    });
  });
  tell({ is: "ready" });
}

async function run(
  caller: Caller,
  options: Parameters<typeof closedLoop>[1],
  nextId: () => string,
): Promise<void> {
  await closedLoop((lane) => caller.act(nextId(), lane), options, {
    began: () => tell({ is: "began" }),
    ended: (result: LoopResult) => tell({ is: "ended", ...result }),
  });
  tell({ is: "drained" });
}

const refuse = (): Promise<never> => Promise.reject(new Error("this load has no job that stays"));
