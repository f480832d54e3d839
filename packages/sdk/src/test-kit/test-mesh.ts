import {
  type ActionDecision,
  type ActionEffect,
  type ActionEvent,
  decideAction,
  endingOf,
  isOpen,
  newAction,
  placed,
} from "@jetmesh/lifecycle";
import type { ActionError, ActionRecord, Note, StepChunk, WorkflowStep } from "@jetmesh/protocol";
import { ClaimLostError, callMethod, createInbox, type Inbox, type KindContext } from "@jetmesh/runner";
import type { DefinedAction } from "../define-action.ts";

/** A method as it was called. */
export interface TestCall {
  readonly id: string;
  readonly kind: string;
  readonly method: "main" | "watcher" | "rollback";
  readonly attempt: number;
  /** The instant, in milliseconds. */
  readonly at: number;
}

/** State-store, ticker and runner in one, for the actions of one test. */
export interface TestMesh {
  add(record: ActionRecord): void;
  get(id: string): ActionRecord;
  all(): ActionRecord[];
  /** Runs the first action that may go on at this instant; false where there is none. */
  runOne(): Promise<boolean>;
  decide(id: string, event: ActionEvent): Promise<void>;
  note(id: string, note: Note): Promise<void>;
  cancel(id: string): Promise<void>;
  rollBack(id: string): Promise<ActionError | undefined>;
  /** All steps of a workflow's attempt, in the order in which its code began them. */
  steps(id: string): WorkflowStep[];
  readonly calls: readonly TestCall[];
  readonly logs: ReadonlyMap<string, readonly string[]>;
}

interface Held {
  readonly abort: AbortController;
  readonly inbox: Inbox;
}
const RUNNER = "test-runner";

const NO_JETS: ActionError = { code: "unknown_jet", message: "a test kit has no jets" };

export function createTestMesh(
  kinds: readonly DefinedAction[],
  clock: { readonly ms: number },
  losesRunner: (call: TestCall) => boolean,
): TestMesh {
  const actions = new Map<string, ActionRecord>();
  const held = new Map<string, Held>();
  const calls: TestCall[] = [];
  const logs = new Map<string, string[]>();
  /** Of older steps, by action and number. */
  const chunks = new Map<string, string>();
  let nonces = 0;
  let fence = 0;

  const get = (id: string): ActionRecord => {
    const record = actions.get(id);
    if (record === undefined) throw new Error(`there is no action ${id}`);
    return record;
  };
  const apply = (id: string, event: ActionEvent): ActionDecision => {
    const decision = decideAction(get(id), event, clock.ms);
    if (decision.kind !== "write") return decision;
    // As it would come back from a bucket.
    actions.set(id, JSON.parse(JSON.stringify(decision.next)) as ActionRecord);
    fence += 1;
    return decision;
  };

  const olderOf = ({ id, older }: ActionRecord): WorkflowStep[] =>
    older === undefined
      ? []
      : Array.from({ length: older.next - older.first }, (_, n) => {
          const text = chunks.get(`${id}.${String(older.first + n)}`) ?? "{}";
          return (JSON.parse(text) as Partial<StepChunk>).steps ?? [];
        }).flat();

  const settle = async (id: string): Promise<void> => {
    const record = get(id);
    if (record.outcome === undefined || record.state === "CLOSED" || record.state === "REVERTED") return;
    const { parent, steps = [] } = record;
    if (parent !== undefined) await note(parent, { of: "child", child: id, ...endingOf(record) });
    for (const { child, end, detached } of steps)
      if (child !== undefined && end === undefined && detached === undefined) await cancel(child);
    apply(id, { type: "owner_told" });
  };
  const follow = async (id: string, decision: ActionDecision): Promise<void> => {
    let effects: readonly ActionEffect[] = decision.kind === "write" ? decision.effects : [];
    for (;;) {
      const run = effects.find((effect) => effect.type === "run");
      if (run === undefined) break;
      const event = await runMethod(id, run.method);
      if (event === undefined) return;
      const after = apply(id, event);
      effects = after.kind === "write" ? after.effects : [];
    }
    if (effects.some(({ type }) => type === "tell")) await settle(id);
  };
  const decide = async (id: string, event: ActionEvent): Promise<void> => {
    const decision = apply(id, event);
    if (decision.kind === "refused") throw new Error(`${decision.code}: ${decision.message}`);
    await follow(id, decision);
  };
  const note = async (id: string, told: Note): Promise<void> => {
    const holder = held.get(id);
    if (holder === undefined) return decide(id, { type: "noted", note: told });
    // It is in the holder's next write, which nobody here waits for: they run one after another.
    holder.inbox.push({ note: told, answer: () => undefined });
  };
  const cancel = async (id: string): Promise<void> => {
    const message = "canceled by the test";
    held.get(id)?.abort.abort({ code: "canceled", message });
    if (actions.has(id)) await decide(id, { type: "cancel", why: "canceled", message });
  };

  /** Undefined where its runner is lost as it returns. */
  const runMethod = async (id: string, method: TestCall["method"]): Promise<ActionEvent | undefined> => {
    const record = get(id);
    const kind = kinds.find(({ name }) => name === record.kind);
    const nonce = record.claim?.nonce ?? "";
    if (kind === undefined) throw new Error(`the test knows no kind '${record.kind}'`);
    const call = { id, kind: record.kind, method, attempt: record.attempt, at: clock.ms };
    calls.push(call);
    const holder = { abort: new AbortController(), inbox: createInbox() };
    held.set(id, holder);
    try {
      const event = await callMethod(kind, method, contextOf(record, holder, nonce), nonce);
      return losesRunner(call) ? undefined : event;
    } finally {
      held.delete(id);
      holder.inbox.close();
    }
  };

  const contextOf = (record: ActionRecord, { abort, inbox }: Held, nonce: string): KindContext => {
    const { id, user } = record;
    const mustHold = (event: ActionEvent): Promise<void> =>
      apply(id, event).kind === "late"
        ? Promise.reject(new ClaimLostError("the claim was taken over"))
        : Promise.resolve();
    return {
      record,
      signal: abort.signal,
      fence,
      inbox,
      output: {
        write: (_step, _stream, chunk) => {
          const lines = Buffer.from(chunk)
            .toString()
            .split("\n")
            .filter((line) => line !== "");
          logs.set(id, [...(logs.get(id) ?? []), ...lines]);
        },
        flush: () => Promise.resolve(),
      },
      secrets: {
        read: () =>
          Promise.resolve({ error: { code: "secret_unavailable", message: "a test kit has no secrets" } }),
      },
      isPauseAsked: false,
      // Plans alone have something that always runs.
      cut: undefined,
      cutSignal: new AbortController().signal,
      // A second pass at each wait: what a workflow's code does differently then is found.
      hasRoom: false,
      now: () => clock.ms,
      progress: (left) => mustHold({ type: "progressed", nonce, left }),
      heartbeat: () => mustHold({ type: "heartbeat", nonce }),
      shelf: {
        load: () => Promise.resolve(olderOf(record)),
        keep: (cut) => {
          for (const chunk of cut) {
            const key = `${id}.${String(chunk.number)}`;
            const text = JSON.stringify(chunk);
            // Whoever cut it before, and was lost, cut the same.
            if ((chunks.get(key) ?? text) !== text) throw new Error(`another chunk ${key} is there`);
            chunks.set(key, text);
          }
          return Promise.resolve(true);
        },
        dropLeft: () => {
          const { from = 0, first = 0 } = record.older ?? {};
          for (let number = from; number < first; number += 1) chunks.delete(`${id}.${String(number)}`);
          return Promise.resolve();
        },
      },
      workshop: {
        make: ({ id: child, request: { kind, argument, delays, repeat, notBefore } }) => {
          const registered = kinds.find(({ name }) => name === kind)?.registers;
          if (registered === undefined)
            return Promise.resolve({ code: "unknown_kind", message: `the test knows no kind '${kind}'` });
          const given = {
            parent: id,
            kind,
            user,
            argument,
            registered,
            delays,
            repeat,
            notBefore,
            definition: {},
          };
          if (!actions.has(child)) actions.set(child, newAction({ ...given, id: child }, clock.ms));
          return Promise.resolve(undefined);
        },
        cancel: async ({ id: child }) => {
          await cancel(child);
          return undefined;
        },
        signal: async (to, signal) => {
          if (!actions.has(to)) return { code: "unknown_run", message: `there is no action ${to}` };
          await note(to, { of: "signal", signal: { ...signal, at: new Date(clock.ms).toISOString() } });
          return undefined;
        },
        rollBack,
        trigger: () => Promise.resolve(NO_JETS),
        lookAtJet: () => Promise.resolve({ outcome: "ERROR", error: NO_JETS }),
        jetsOf: () => Promise.resolve({ jets: [] }),
      },
    };
  };

  const rollBack = async (id: string): Promise<ActionError | undefined> => {
    if (!get(id).rollbackable) return undefined;
    apply(id, { type: "rollback" });
    if (get(id).state !== "REVERTING") return undefined;
    await resume(id);
    return get(id).rollbackError;
  };
  const resume = async (id: string): Promise<boolean> => {
    const nonce = `test-nonce-${String((nonces += 1))}`;
    // Whoever holds it and does not run was lost.
    const isLost = get(id).claim !== undefined && !held.has(id);
    const decision = apply(id, { type: "resume", runner: RUNNER, nonce, holderDead: isLost });
    if (decision.kind !== "write") return false;
    await follow(id, decision);
    return true;
  };

  return {
    add: (record) => void actions.set(record.id, record),
    get,
    all: () => [...actions.values()],
    async runOne() {
      for (const { id, state } of [...actions.values()]) {
        if (!isOpen(state) || held.has(id)) continue;
        const expired = apply(id, { type: "expire", holderDead: get(id).claim !== undefined });
        if (expired.kind === "write") await follow(id, expired);
        if (expired.kind === "write" || (await resume(id))) return true;
      }
      return false;
    },
    decide,
    note,
    cancel,
    rollBack,
    steps: (id) => {
      const record = get(id);
      return [...olderOf(record), ...placed(record.steps ?? [])].sort(
        (a, b) => (a.place ?? 0) - (b.place ?? 0),
      );
    },
    calls,
    logs,
  };
}
