import { createAction, decideJet, newJet, type TriggerFacts } from "@jetmesh/lifecycle";
import type { AcceptedTrigger, JetCreateRequest } from "@jetmesh/protocol";
import { referenceFromName } from "@jetmesh/protocol";
import { askOneAccess, RefusedError } from "@jetmesh/service-kit";
import { beginOpened } from "./begin-opened.ts";
import type { Deps } from "./deps.ts";
import { meetRequirements } from "./requirements.ts";
import { takeSlot } from "./slots.ts";
import { takeBack } from "./take-back.ts";
import { usableTemplate } from "./usable-template.ts";
import { wasMade } from "./was-made.ts";

export interface CreatedJet {
  readonly reference: string;
  readonly state?: string | undefined;
  readonly actionId: string;
  /** It waits until what it requires is brought up. */
  readonly isQueued?: boolean;
}

/**
 * Makes a jet and triggers its create action, in one write. A name is free where no jet has it, or the one that
 * had it was destroyed. Asked again with the same key it finds what it made.
 */
export function createJet(
  deps: Deps,
  request: JetCreateRequest,
  asked: Omit<AcceptedTrigger, "action">,
  isKeyed: boolean,
): Promise<CreatedJet> {
  const reference = request.reference ?? nameFor(request, asked.id);
  return deps.lanes.run(reference, async () => {
    const access = await askOneAccess(deps, {
      operation: "jet.create",
      user: asked.user,
      template: request.template,
    });
    if (!access.allow) throw new RefusedError(access.code, access.message);
    const template = await usableTemplate(deps, request.template);
    const action = createAction(template);
    if (action === undefined) {
      throw new RefusedError(
        "unknown_action",
        `template '${template.reference}' has no action that creates: one without 'from' and with 'to'`,
      );
    }

    for (let tries = 0; tries < 10; tries += 1) {
      const stored = await deps.store.jets.get(reference);
      if (stored.kind === "unreadable")
        throw new Error(`the record of jet '${reference}' cannot be read: ${stored.why}`);
      if (stored.kind === "record" && stored.value.destroyedAt === undefined) {
        const there = stored.value;
        if (there.recent.includes(asked.id)) return { reference, state: there.state, actionId: asked.id };
        throw new RefusedError("already_exists", `there is a jet '${reference}'`);
      }
      // The request was carried out before, and its jet has been destroyed since: it is not made again.
      if (isKeyed && (await wasMade(deps, asked.id))) return { reference, actionId: asked.id };
      const expected = stored.kind === "absent" ? 0 : stored.revision;
      const now = deps.clock.now();
      const fresh = newJet(
        {
          reference,
          name: request.name ?? reference,
          template,
          users: request.users,
          managers: [...request.managers, asked.user],
          variables: request.variables,
        },
        now,
      );
      const trigger = { ...asked, action: action.reference };
      // Both before the jet's own write, and after its key was read (design §3, Conditions across records).
      const given: TriggerFacts = { access, expired: false };
      const met =
        template.requires.length === 0
          ? given
          : await meetRequirements(deps, fresh, template, trigger, given);
      const facts =
        met.unmet === undefined && !(await takeSlot(deps, template, reference))
          ? { ...met, limitReached: true }
          : met;
      const decision = decideJet(fresh, { type: "trigger", trigger, onBusy: "refuse", template, facts }, now);
      if (decision.kind === "refused") throw new RefusedError(decision.code, decision.message);
      if (decision.kind === "unchanged") throw new Error("a new jet knows no triggers");
      const written = await deps.store.jets.swap(reference, decision.next, expected, { point: "jet.create" });
      if (written.kind === "conflict") continue;
      await usableTemplate(deps, request.template).catch(async (thrown: unknown) => {
        await takeBack(deps, decision.next, written.revision, undefined);
        throw thrown;
      });
      const made = deps.jets.keep(reference, { jet: decision.next, revision: written.revision });
      await beginOpened(deps, decision, made.jet.incarnation);
      const isQueued = decision.next.open === undefined;
      return { reference, state: decision.next.state, actionId: asked.id, isQueued };
    }
    throw new RefusedError("conflict", `jet '${reference}' is changed too often just now`);
  });
}

/** Of its name, else of its template and the request: the same for the same request. */
const nameFor = (request: JetCreateRequest, id: string): string => {
  const slug = request.name === undefined ? "" : referenceFromName(request.name);
  return slug === "" ? `${request.template.slice(0, 50)}-${id.slice(0, 8)}` : slug;
};
