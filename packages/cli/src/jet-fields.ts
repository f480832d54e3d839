import type { JetView } from "@jetmesh/protocol";
import { dateTime, NO_STATE } from "./table.ts";

/** Stands for the name of an action that the caller may not read. */
export const HIDDEN = "(hidden)";

export function jetFields(record: JetView): (readonly [string, string | undefined])[] {
  const { open, target, lastTarget, last, queue, variables } = record;
  return [
    ["jet", record.reference],
    ["name", record.name],
    ["template", record.template],
    ["state", record.state ?? NO_STATE],
    [
      "open action",
      open === undefined ? undefined : `${open.action ?? HIDDEN} by ${open.user ?? HIDDEN}, ${open.id}`,
    ],
    ["target", target?.state],
    ["last target", lastTarget === undefined ? undefined : lastTargetOf(lastTarget)],
    ["waiting", queue.length === 0 ? undefined : queue.map(({ action }) => action).join(", ")],
    ["last action", last === undefined ? undefined : `${last.action ?? HIDDEN} ${last.outcome}, ${last.id}`],
    ["users", record.users.join(", ")],
    ["managers", record.managers.join(", ")],
    ["variables", Object.keys(variables).length === 0 ? undefined : JSON.stringify(variables)],
    ["created", dateTime(record.createdAt)],
    ["changed", dateTime(record.changedAt)],
  ];
}

const lastTargetOf = ({ state, outcome, code }: NonNullable<JetView["lastTarget"]>): string =>
  `${state} ${outcome}${code === undefined ? "" : ` (${code})`}`;
