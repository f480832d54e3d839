import { isDeepStrictEqual } from "node:util";
import { incarnationOf, newJet } from "@jetmesh/lifecycle";
import type { ImportReply, JetDefinition, JetRecord } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { takeSlot } from "./slots.ts";
import { takeBack } from "./take-back.ts";
import { usableTemplate } from "./usable-template.ts";

export interface AppliedJet {
  readonly change: ImportReply["items"][number]["change"];
  /** What was there, and what is wanted. */
  readonly before: JetRecord | undefined;
  readonly after: Pick<JetRecord, "name" | "template" | "users" | "managers" | "variables" | "pool">;
}

const MAX_TRIES = 5;

/** Sets template, users, managers and variables of a jet, never its state; makes it without one where it is not there. */
export async function applyJet(
  deps: Deps,
  user: string,
  definition: JetDefinition,
  dryRun: boolean,
): Promise<AppliedJet> {
  const { reference, name, template, users, pool, variables } = definition;
  return deps.lanes.run(reference, async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const stored = await deps.store.jets.get(reference);
      if (stored.kind === "unreadable")
        throw new Error(`the record of '${reference}' cannot be read: ${stored.why}`);
      const is =
        stored.kind === "record" && stored.value.destroyedAt === undefined ? stored.value : undefined;
      const managers = withCaller(user, definition.managers, is);
      const wanted = { name, template, users, managers, variables, ...(pool === undefined ? {} : { pool }) };
      const change = is === undefined ? "created" : "updated";
      const applied = { change, before: is, after: wanted } as const;
      if (is !== undefined && isDeepStrictEqual(withWanted(is, wanted), is))
        return { ...applied, change: "unchanged" };
      if (is !== undefined && is.template !== template && is.open !== undefined) {
        throw new RefusedError(
          "jet_busy",
          `jet '${reference}' cannot change its template while an action is open`,
        );
      }
      if (is?.heldBy !== undefined && is.template !== template)
        throw new RefusedError("in_use", `other jets require jet '${reference}' as it is`);
      // The template may come in the same file, and not be there yet.
      if (dryRun) return applied;
      const now = deps.clock.now();
      const isOfAnother = is?.template !== template;
      const found = isOfAnother ? await usableTemplate(deps, template) : undefined;
      if (found !== undefined && !(await takeSlot(deps, found, reference)))
        throw new RefusedError("limit_reached", "the template's limit of living jets is reached");
      const base =
        is ?? newJet({ reference, ...wanted, template: { reference: template }, users, managers }, now);
      const expected = stored.kind === "absent" ? 0 : stored.revision;
      const incarnation = is === undefined ? 0 : incarnationOf(is, expected);
      const next = {
        ...withWanted(base, wanted),
        incarnation,
        changedAt: new Date(now).toISOString(),
      };
      const written = await deps.store.jets.swap(reference, next, expected, { point: "jet.apply" });
      deps.jets.drop(reference);
      if (written.kind === "conflict") continue;
      if (isOfAnother)
        await usableTemplate(deps, template).catch(async (thrown: unknown) => {
          await takeBack(deps, next, written.revision, is);
          throw thrown;
        });
      return applied;
    }
    throw new RefusedError("conflict", `jet '${reference}' is changed too often just now`);
  });
}

const withWanted = ({ pool: _pool, ...rest }: JetRecord, wanted: AppliedJet["after"]): JetRecord => ({
  ...rest,
  ...wanted,
});

/** Who makes a jet joins its managers (design §6), root too, and stays one whatever they apply: the same file changes nothing. */
export function withCaller(user: string, managers: readonly string[], is: JetRecord | undefined): string[] {
  const joins = is === undefined || is.managers.includes(user);
  return joins && !managers.includes(user) ? [...managers, user] : [...managers];
}
