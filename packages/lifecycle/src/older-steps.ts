import {
  type ActionRecord,
  hashOfKey,
  type OlderSteps,
  StepChunk,
  type WorkflowStep,
} from "@jetmesh/protocol";

/**
 * Which steps of a workflow leave its record, and in what chunks (ADR 0035); pure.
 *
 * Steps that have ended never change any more, and the order of their ends is the record's own. A chunk holds the next ones
 * in that order, and where it ends follows from what it holds: so whoever cuts it, from whatever revision of the record that
 * was written, cuts the same. One that is cut and not yet named by the record is cut again by the next holder.
 */
const CHUNK_STEPS = 64;
/** A chunk ends with the step by which it has so many bytes. */
const CHUNK_BYTES = 64 * 1024;
/** So many are cut for one write. */
const MOST_CHUNKS = 16;

/** What a record says of its steps. */
export interface StepsKept {
  readonly steps: readonly WorkflowStep[];
  readonly older: OlderSteps;
}

export interface Cut {
  readonly chunks: readonly StepChunk[];
  /** The record's, once the chunks are written. */
  readonly kept: StepsKept;
}

type Workflow = Pick<ActionRecord, "id" | "attempt" | "steps" | "older">;

const NONE: OlderSteps = { steps: 0, first: 0, next: 0, from: 0, mark: "" };

/**
 * What is to be cut from a record; undefined where no chunk is full. `written`: so many ends are in the record that was
 * written last; what ended since may still come to nothing.
 */
export function cutSteps(
  { id, attempt, steps = [], older = NONE }: Workflow,
  written = Number.POSITIVE_INFINITY,
): Cut | undefined {
  const ended = steps
    .filter(({ end }) => end !== undefined && end.order < written)
    .sort((a, b) => orderOf(a) - orderOf(b));
  const chunks: StepChunk[] = [];
  let rest: readonly WorkflowStep[] = ended;
  let { mark } = older;
  while (chunks.length < MOST_CHUNKS) {
    const size = sizeOfChunk(rest);
    if (size === undefined) break;
    const number = older.next + chunks.length;
    const chunk = chunkOf({ id, attempt, number, before: mark, steps: rest.slice(0, size) });
    rest = rest.slice(size);
    mark = chunk.mark;
    chunks.push(chunk);
  }
  if (chunks.length === 0) return undefined;
  const cut = ended.length - rest.length;
  const left = new Set(ended.slice(0, cut));
  return {
    chunks,
    kept: {
      steps: steps.filter((step) => !left.has(step)),
      older: { ...older, steps: older.steps + cut, next: older.next + chunks.length, mark },
    },
  };
}

/** How many steps, from the first, make a full chunk. */
function sizeOfChunk(ended: readonly WorkflowStep[]): number | undefined {
  let bytes = 0;
  for (const [index, step] of ended.entries()) {
    bytes += JSON.stringify(step).length;
    if (index + 1 === CHUNK_STEPS || bytes >= CHUNK_BYTES) return index + 1;
  }
  return undefined;
}

/** As it is read back, so that the same steps give the same mark, whoever has them from where. */
function chunkOf(given: Pick<StepChunk, "id" | "attempt" | "number" | "before" | "steps">): StepChunk {
  const { steps } = StepChunk.parse({ v: 1, mark: "", ...given });
  const mark = hashOfKey(`${given.before} ${JSON.stringify(steps)}`)
    .toString(16)
    .padStart(8, "0");
  return { v: 1, ...given, mark, steps };
}

/** The numbers of the chunks that belong to a record: those it names, and those that its holder may have been writing. */
export function chunksOf(record: Workflow): { readonly from: number; readonly to: number } {
  const { from, next } = record.older ?? NONE;
  return { from, to: next + (cutSteps(record)?.chunks.length ?? 0) };
}

/** Of an attempt that begins anew. Its chunks have numbers behind all that belong to the one before. */
export function olderOfNext(record: Workflow): { readonly older?: OlderSteps } {
  const { from, to } = chunksOf(record);
  return to === 0 ? {} : { older: { ...NONE, from, first: to, next: to } };
}

/** The place of each step, also in a record from before steps had one of their own. */
export const placed = (steps: readonly WorkflowStep[]): (WorkflowStep & { readonly place: number })[] =>
  steps.map((step, index) => ({ ...step, place: step.place ?? index }));

const orderOf = ({ end }: WorkflowStep): number => end?.order ?? 0;
