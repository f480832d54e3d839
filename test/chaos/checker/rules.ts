import type { Evidence, LineSeen } from "./evidence.ts";
import type { Violation } from "./violation.ts";

type Known = Pick<Evidence, "lines" | "rules" | "held" | "filesWithSecret">;
type ActionOf = (id: string) => string;

/**
 * How many ran at a time, by limit and group. Each has its slot from before its first line until behind its last one, whatever it
 * waits for in between; the lines are in the order in which they were written, which no clock is needed for.
 */
function atOnce(
  { lines, rules }: Known,
  actionOf: ActionOf,
): { name: string; most: number; over: string[] }[] {
  const last = new Map<string, LineSeen>();
  for (const line of lines) last.set(line.id, line);
  return rules.limits.map(({ name, concurrency, isPerGroup, actions }) => {
    const running = new Map<string, Set<string>>();
    const over = new Set<string>();
    let most = 0;
    for (const line of lines) {
      if (!actions.has(actionOf(line.id))) continue;
      const group = isPerGroup ? line.group : "";
      const own = running.get(group) ?? new Set();
      running.set(group, own.add(line.id));
      most = Math.max(most, own.size);
      if (own.size > concurrency) over.add(line.id);
      if (last.get(line.id) === line) own.delete(line.id);
    }
    return { name, most, over: [...over] };
  });
}

export const mostAtOnce = (known: Known, actionOf: ActionOf): Record<string, number> =>
  Object.fromEntries(atOnce(known, actionOf).map(({ name, most }) => [name, most]));

export function rulesKept(known: Known, actionOf: ActionOf): Violation[] {
  return [
    ...atOnce(known, actionOf).flatMap(({ name, most, over }) =>
      over.map(
        (id): Violation => ({
          column: "limits",
          says: `${id} ran where limit ${name} had no slot for it: up to ${String(most)} at a time`,
          about: id,
        }),
      ),
    ),
    ...known.held.map(
      ({ key, id }): Violation => ({ column: "limits", says: `${id} still has a slot of ${key}`, about: id }),
    ),
    ...placement(known, actionOf),
    ...secrecy(known, actionOf),
  ];
}

function placement({ lines, rules }: Known, actionOf: ActionOf): Violation[] {
  return rules.placed.flatMap(({ actions, runners }) =>
    lines
      .filter(({ id, runner }) => actions.has(actionOf(id)) && !runners.has(runner))
      .map(
        ({ id, step, runner }): Violation => ({
          column: "placement",
          says: `${step} of ${id} ran on ${runner}, which has not what it needs`,
          about: id,
        }),
      ),
  );
}

function secrecy({ lines, rules, filesWithSecret }: Known, actionOf: ActionOf): Violation[] {
  const wrong = lines
    .filter(({ id, step, secret }) => secret !== rules.secrets.get(`${actionOf(id)}/${step}`))
    .map(
      ({ id, step, secret }): Violation => ({
        column: "secrets",
        says: `${step} of ${id} had ${secret === undefined ? "no secret" : `'${secret}' for a secret`}`,
        about: id,
      }),
    );
  const shown = filesWithSecret.map(
    (file): Violation => ({ column: "secrets", says: `the broker has a secret in ${file}`, about: file }),
  );
  return [...shown, ...wrong];
}
