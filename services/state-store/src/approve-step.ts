import { planTree, stepsOf } from "@jetmesh/flight-plan";
import {
  type ActionRecord,
  type Approve,
  type ApprovedStep,
  approvalSignal,
  type JournalEntry,
  type SvcRequest,
} from "@jetmesh/protocol";
import { askOneAccess, RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { signalAction } from "./signal-action.ts";

type Asked = Omit<SvcRequest<"state-store.approve">, "v">;

/**
 * A person's answer to a step that waits for one. Who may give it is said by the step: those that it names, else whoever may
 * update the jet; and never who triggered the action, unless it says so. The first answer counts.
 */
export async function approveStep(deps: Deps, asked: Asked): Promise<ApprovedStep> {
  const { id, user, approved, comment } = asked;
  const stored = await deps.store.actions.get(id);
  if (stored.kind !== "record") throw new RefusedError("unknown_run", `there is no action ${id}`);
  const { value: record } = stored;
  const { entry, approve } = waitingStep(record, asked.step);
  await mustMayApprove(deps, record, user, approve);
  const name = approvalSignal(entry.reference);
  const signal = { id: `${name}@${entry.startedAt}`, name, payload: { approved, user, comment } };
  if (record.signals?.some((one) => one.id === signal.id) === true) throw answered(entry);
  await signalAction(deps, { v: 1, user, id, signal });
  return { id, step: entry.reference, approved };
}

const answered = ({ reference }: JournalEntry): RefusedError =>
  new RefusedError("conflict", `step '${reference}' has its answer`);

interface WaitingStep {
  readonly entry: JournalEntry;
  readonly approve: Approve;
}

function waitingStep({ id, definition: { plan, plans }, journal }: ActionRecord, step?: string): WaitingStep {
  const approvals = new Map(
    plan === undefined
      ? []
      : stepsOf(planTree(plan, plans)).flatMap(({ path, step: { approve } }) =>
          approve === undefined ? [] : [[path, approve] as const],
        ),
  );
  const open = journal.flatMap((entry) => {
    const approve = entry.endedAt === undefined ? approvals.get(entry.reference) : undefined;
    return approve === undefined ? [] : [{ entry, approve }];
  });
  const found = step === undefined ? open : open.filter(({ entry }) => entry.reference === step);
  const [first, ...others] = found;
  if (first === undefined)
    throw new RefusedError(
      "conflict",
      step === undefined
        ? `action ${id} waits for nobody`
        : `step '${step}' of action ${id} waits for nobody`,
    );
  if (others.length > 0)
    throw new RefusedError(
      "invalid_request",
      `several steps wait, name one: ${found.map(({ entry }) => entry.reference).join(", ")}`,
    );
  return first;
}

async function mustMayApprove(
  deps: Deps,
  record: ActionRecord,
  user: string,
  approve: Approve,
): Promise<void> {
  if (user === record.user && !approve.own)
    throw new RefusedError("forbidden", `'${user}' has triggered it, and somebody else is to approve it`);
  if (approve.users.length > 0) {
    if (approve.users.includes(user)) return;
    throw new RefusedError("forbidden", `'${user}' is none of those who may approve it`);
  }
  const { jet } = record;
  const verdict =
    jet === undefined ? undefined : await askOneAccess(deps, { operation: "jet.update", user, jet });
  if (verdict?.allow !== true)
    throw new RefusedError("forbidden", `'${user}' may not update the jet, and so not approve it`);
}
