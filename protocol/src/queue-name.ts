import { z } from "zod";
import { Reference } from "./ids.ts";

/** So many labels an action may need: together with its pool they are the name of a consumer, of 255 characters at most. */
export const MAX_LABELS = 4;
/** So many a runner may have: it serves every queue whose labels are among them. */
export const MAX_RUNNER_LABELS = 8;

export const Label = Reference.max(32, "must be at most 32 characters");
export type Label = z.infer<typeof Label>;
export const Labels = z.array(Label).min(1).max(MAX_LABELS);

/** Which of those that wait for the same runners go first, the highest first. */
export const LANES = ["high", "normal", "low"] as const;
export type Lane = (typeof LANES)[number];
/** As it is written: left out, it is the normal one. */
export const NamedLane = z.enum(["high", "low"]);

/** Where an action waits for a runner: its pool, the labels that such a runner has, and its lane. */
export interface Queue {
  readonly pool: string;
  readonly labels?: readonly string[] | undefined;
  readonly lane?: z.infer<typeof NamedLane> | undefined;
}

/** No characters of a reference, and legal in subjects and in names of consumers. */
const SEPARATOR = "+";
const BEFORE_LANE = "=";

/** The name of a queue, one token: without labels, in the normal lane, it is the pool's own. */
export const queueOf = ({ pool, labels, lane }: Queue): string => {
  const served =
    labels === undefined || labels.length === 0 ? pool : [pool, ...sortedLabels(labels)].join(SEPARATOR);
  return lane === undefined ? served : `${served}${BEFORE_LANE}${lane}`;
};

/** What the name of a queue says, or undefined where it is none. */
export function parseQueue(
  queue: string,
): { readonly pool: string; readonly labels: readonly string[]; readonly lane: Lane } | undefined {
  const [served = "", ...lanes] = queue.split(BEFORE_LANE);
  const [pool, ...labels] = served.split(SEPARATOR);
  const lane = lanes.length === 0 ? "normal" : NamedLane.safeParse(lanes.join(BEFORE_LANE)).data;
  const isOne = Reference.safeParse(pool).success && labels.every((label) => Label.safeParse(label).success);
  return isOne && pool !== undefined && lane !== undefined ? { pool, labels, lane } : undefined;
}

/** Whether a queue is more than its pool, so that its consumer is made when its first action is. */
export const isMoreThanPool = (queue: string): boolean =>
  queue.includes(SEPARATOR) || queue.includes(BEFORE_LANE);

/** Whether a runner takes what waits there, in whatever lane: it has the pool, and every label. */
export const isServedBy = (
  { pool, labels = [] }: Pick<Queue, "pool" | "labels">,
  runner: { readonly pools: readonly string[]; readonly labels?: readonly string[] | undefined },
): boolean => runner.pools.includes(pool) && labels.every((label) => (runner.labels ?? []).includes(label));

/** Each once, in one order. */
export const sortedLabels = (labels: readonly string[]): string[] => [...new Set(labels)].sort();

/** In a person's words. */
export const queueInWords = ({ pool, labels = [] }: Pick<Queue, "pool" | "labels">): string =>
  labels.length === 0
    ? `pool '${pool}'`
    : `pool '${pool}' with ${labels.length === 1 ? "label" : "labels"} ${labels.map((label) => `'${label}'`).join(", ")}`;
