import type { LoopOptions, LoopResult } from "./closed-loop.ts";

/** What the bench and its child processes say to each other by IPC. */
export type ToLoad = ({ readonly run: LoopOptions } & { readonly hold?: never }) | { readonly hold: string };

export type FromLoad =
  | { readonly is: "ready" }
  | { readonly is: "began" }
  | ({ readonly is: "ended" } & LoopResult)
  | { readonly is: "drained" }
  | { readonly is: "failed"; readonly problem: string };

export type FromWorker =
  | { readonly is: "ready" }
  /** A job that stays has begun here: the moment to kill this process. */
  | { readonly is: "holding"; readonly id: string };
