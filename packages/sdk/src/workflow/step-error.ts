import type { ActionError } from "@jetmesh/protocol";

/** Where a workflow's step failed: the names of the steps that lead there, the outermost first. */
interface Trace {
  readonly trace: readonly string[];
  /** The action whose error it was at first, where it was one. */
  readonly root?: { readonly id: string; readonly kind: string };
}

/** What a step rejects with, whatever it was: `code` and `message` are those of where it failed at first. */
export class StepError extends Error {
  override readonly name = "StepError";
  readonly code: string;
  readonly trace: readonly string[];
  readonly root: Trace["root"];

  constructor(ref: string, error: ActionError, child?: Trace["root"]) {
    super(error.message);
    this.code = error.code;
    const inner = traceOf(error);
    this.trace = [ref, ...(inner?.trace ?? [])];
    this.root = inner?.root ?? child;
  }

  /** As the error of the workflow that let it pass. */
  toError(): ActionError {
    const { code, message, trace, root } = this;
    return { code, message, details: { trace, ...(root === undefined ? {} : { root }) } };
  }
}

/** Of the error of an action that is a workflow itself. */
function traceOf({ details }: ActionError): Trace | undefined {
  if (typeof details !== "object" || details === null || !("trace" in details)) return undefined;
  return Array.isArray(details["trace"]) ? (details as unknown as Trace) : undefined;
}

/** The code took another way than the record says that it took before, or is longer than any may be. */
export class BrokenWorkflowError extends Error {
  override readonly name = "BrokenWorkflowError";
  readonly code: "non_deterministic" | "too_many_steps";

  constructor(code: BrokenWorkflowError["code"], message: string) {
    super(message);
    this.code = code;
  }
}
