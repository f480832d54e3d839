import { type ActionEvent, decideAction, type Now, newAction, PLAN_KIND } from "@jetmesh/lifecycle";
import type {
  ActionDefinition,
  ActionRecord,
  JetActionDefinition,
  JetRecord,
  OpenAction,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { MAX_ACTION_BYTES } from "@jetmesh/protocol";
import { sendResume } from "@jetmesh/storage";
import type { ActionAt, Deps } from "./deps.ts";

/**
 * Writes the record of a jet's open action and sends its resume (design §4: jet, action, resume, each after the
 * last is acknowledged). Made again after a crash it finds the record there and only sends the hint again. Gives
 * the record where it was born ended and so is to be settled at once.
 */
export async function makeAction(
  deps: Deps,
  jet: JetRecord,
  incarnation: number,
  open: OpenAction,
  action: JetActionDefinition | undefined,
  template: TemplateDefinition | undefined,
): Promise<ActionAt | undefined> {
  const record = await buildAction(deps, jet, incarnation, open, action, template, deps.clock.now());
  const written = await deps.store.actions.swap(record.id, record, 0, { point: "action.make" });
  if (written.kind === "conflict") {
    const there = await deps.store.actions.get(record.id);
    if (there.kind !== "record") return undefined;
    if (there.value.state === "SLEEPING")
      await sendResume(deps.connection, deps.names, there.value, there.revision);
    return there.value.state === "SUCCESS" || there.value.state === "ERROR"
      ? { record: there.value, revision: there.revision }
      : undefined;
  }
  if (record.state !== "SLEEPING") return { record, revision: written.revision };
  await sendResume(deps.connection, deps.names, record, written.revision);
  return undefined;
}

async function buildAction(
  deps: Deps,
  jet: JetRecord,
  incarnation: number,
  open: OpenAction,
  action: JetActionDefinition | undefined,
  template: TemplateDefinition | undefined,
  now: Now,
): Promise<ActionRecord> {
  const plan = action?.plan === undefined ? undefined : await deps.definitions.plan(action.plan, false);
  // Where the template lost the action between its acceptance and now, the jet goes back to where it was.
  const jetAction = action ?? lostAction(jet, open);
  const definition: ActionDefinition = {
    jetAction,
    ...(plan === undefined ? {} : { plan }),
    variables: { ...plan?.variables, ...template?.variables, ...jet.variables },
  };
  const record = newAction(
    {
      id: open.id,
      kind: PLAN_KIND,
      pool: action?.pool ?? plan?.pool ?? jet.pool ?? template?.pool,
      user: open.user,
      argument: open.argument,
      definition,
      trigger: open.trigger,
      jet: { reference: jet.reference, template: jet.template, incarnation },
    },
    now,
  );
  const size = JSON.stringify(record).length;
  if (size > MAX_ACTION_BYTES) {
    const small = { ...record, argument: {}, definition: { jetAction } };
    return bornAs(
      small,
      { type: "cancel", why: "too_large", message: `the action's record would take ${String(size)} bytes` },
      now,
    );
  }
  if (action === undefined) {
    return bornAs(
      record,
      {
        type: "cancel",
        why: "unknown_action",
        message: `the template has no action '${open.action}' any more`,
      },
      now,
    );
  }
  if (action.plan !== undefined && plan === undefined) {
    return bornAs(
      record,
      { type: "cancel", why: "unknown_action", message: `there is no plan '${action.plan}' any more` },
      now,
    );
  }
  return action.plan === undefined ? bornAs(record, { type: "nothing_to_run" }, now) : record;
}

function bornAs(record: ActionRecord, event: ActionEvent, now: Now): ActionRecord {
  const decision = decideAction(
    { ...record, repeat: { ...record.repeat, success: 0, error: 0 } },
    event,
    now,
  );
  return decision.kind === "write" ? decision.next : record;
}

/** Stands for an action that nobody knows any more: it leads back to where the jet was. */
export const lostAction = (jet: JetRecord, open: OpenAction): JetActionDefinition => ({
  reference: open.action,
  name: open.action,
  priority: 10,
  accessLevel: "manager",
  transit: jet.state ?? open.action,
  ...(open.from === undefined ? {} : { from: open.from, to: open.from }),
  delays: {},
  repeat: { error: 0, success: 0, backoff: 10_000 },
  rollbackOnError: false,
  note: "",
});
