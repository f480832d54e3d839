import type { Evidence } from "../checker/evidence.ts";

/** All that is known of an action, a trigger's key or a jet, line by line, for whoever looks into a violation. */
export function historyOf(evidence: Evidence, about: string): string[] {
  const asked = evidence.asked.filter(({ key, actionId }) => key === about || actionId === about);
  const keys = new Set(asked.map(({ key }) => key));
  const history = evidence.history.filter(
    ({ id, key, jet }) => id === about || (key !== undefined && keys.has(key)) || jet === about,
  );
  const ids = new Set([about, ...history.map(({ id }) => id)]);
  return [
    ...asked.map((one) => `asked    ${JSON.stringify(one)}`),
    ...history.slice(-20).map((one) => `history  ${JSON.stringify(one)}`),
    ...evidence.actions.filter(({ id }) => ids.has(id)).map((one) => `record   ${JSON.stringify(one)}`),
    ...evidence.jets
      .filter(({ reference, open }) => reference === about || open === about)
      .map((one) => `jet      ${JSON.stringify(one)}`),
    ...evidence.lines
      .filter(({ id }) => ids.has(id))
      .slice(0, 50)
      .map(
        ({ jet, id, attempt, step, what, runner, group }) =>
          `outside  ${jet} ${id} ${String(attempt)} ${step} ${what} ${runner} ${group}`,
      ),
  ];
}
