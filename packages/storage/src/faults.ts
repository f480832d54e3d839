import { FAULT_POINTS, type FaultPoint } from "./write-points.ts";

/**
 * Faults at named points, for tests: `jet.accept/after=crash@2` kills the process after the second acceptance was
 * acknowledged. Several are separated by commas. Without a specification nothing of this is in the way.
 *
 *   crash     SIGKILL to this very process, as a power switch would
 *   pause     SIGSTOP: whoever set it sends the SIGCONT
 *   lose      the write is made and its answer never seen (`after`); the acknowledgement, the request never sent (`before`)
 *   twice     the write or request is made twice (`before` only); the message is delivered again instead of acknowledged
 *   delay:MS  everything as it should be, but later
 *
 * Behind the kind, `~TEXT` strikes only where the subject or the body of the write or message holds the text, and
 * `@N` at the Nth time that it would, which is the first unless said; `@*` is every time:
 * `jet.accept/before=crash~poison@*` kills every process that is about to accept what has `poison` in it.
 */
export const FAULT_KINDS = ["crash", "pause", "lose", "twice", "delay"] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

interface Fault {
  readonly moment: "before" | "after";
  readonly kind: FaultKind;
  readonly ms: number;
  readonly text: string;
  /** Counts down to the occurrence at which it strikes; it strikes once, or always where this is infinite. */
  left: number;
}

export interface Faults {
  /** Carries out what a process does to itself, and waits out a delay. `about`: the subject and the body. */
  suffer(point: FaultPoint, moment: "before" | "after", about?: string): Promise<FaultKind | undefined>;
}

const FAULT =
  /^([a-z.-]+)\/(before|after)=(crash|pause|lose|twice|delay)(?::(\d+))?(?:~([^~@]+))?(?:@(\d+|\*))?$/;

export function parseFaults(specification: string): Faults {
  const faults = new Map<string, Fault[]>();
  for (const part of specification.split(",").filter(Boolean)) {
    const match = FAULT.exec(part.trim());
    const [, point = "", moment = "", kind = "", ms = "0", text = "", at = "1"] = match ?? [];
    if (match === null || !Object.hasOwn(FAULT_POINTS, point)) {
      throw new Error(`not a fault: '${part}'; write like jet.accept/after=crash@2`);
    }
    const fault: Fault = {
      moment: moment as Fault["moment"],
      kind: kind as FaultKind,
      ms: Number(ms),
      text,
      left: at === "*" ? Infinity : Number(at),
    };
    faults.set(point, [...(faults.get(point) ?? []), fault]);
  }

  const find = (point: FaultPoint, moment: "before" | "after", about: string): Fault | undefined => {
    let struck: Fault | undefined;
    for (const fault of faults.get(point) ?? []) {
      if (fault.moment !== moment || fault.left <= 0 || !about.includes(fault.text)) continue;
      fault.left -= 1;
      if (fault.left === 0 || fault.left === Infinity) struck = fault;
    }
    return struck;
  };

  return {
    async suffer(point, moment, about = "") {
      const fault = find(point, moment, about);
      if (fault === undefined) return undefined;
      process.stderr.write(`fault ${point}/${moment}=${fault.kind}\n`);
      if (fault.kind === "crash") {
        process.kill(process.pid, "SIGKILL");
        await new Promise(() => undefined);
      }
      if (fault.kind === "pause") process.kill(process.pid, "SIGSTOP");
      if (fault.kind === "delay") await new Promise((resolve) => setTimeout(resolve, fault.ms));
      return fault.kind;
    },
  };
}
