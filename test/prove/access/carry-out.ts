import type { MeshClient } from "@jetmesh/client";
import type {
  ActionRecord,
  JetActionDefinition,
  JetView,
  ScheduleView,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { actionIdOfChild, actionIdOfKey } from "@jetmesh/service-kit";
import { ask } from "@jetmesh/storage";
import { type Document, eventually } from "@jetmesh/testkit";
import {
  CREATE,
  type JetDocument,
  type Operation,
  type Outcome,
  REMOVE,
  RESTING,
  ROOT,
  type TemplateDocument,
} from "./model/operations.ts";

/** Asks a real mesh, each operation as its own user, in a namespace of its own; outcomes come back in the case's names. */
export interface Stage {
  carryOut(operation: Operation): Promise<Outcome>;
}

/** How triggers of the stream ended, by the key that they were published with. */
export type Ends = ReadonlyMap<string, Ended>;
export interface Ended {
  readonly actionId: string;
  readonly outcome: Outcome;
}

interface Reply {
  readonly items?: readonly Record<string, unknown>[];
  readonly cursor?: string;
}

const KINDS = ["User", "Plan", "Template", "Jet", "Schedule"];

/** It must not fall due while the proof runs. */
const NEVER_HERE = "0 0 29 2 *";

class Refused extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export function createStage(client: MeshClient, ends: Ends, namespace: string): Stage {
  const runs = new Map<number, string>();
  const idOfRun = new Map<string, number>();
  /** Root and the shared states have the same name everywhere. */
  const real = (name: string): string => (name === ROOT || name === RESTING ? name : `${namespace}-${name}`);
  const short = (name: string): string =>
    name.slice(name.startsWith(`${namespace}-`) ? namespace.length + 1 : 0);
  const isOurs = (name: unknown): boolean => typeof name === "string" && name.startsWith(`${namespace}-`);

  const request = async <T = Reply>(
    by: string,
    endpoint: string,
    body: Record<string, unknown>,
  ): Promise<T> => {
    const answer = await ask(client.connection, client.names.api.of(real(by), endpoint), body, 30_000);
    if (!answer.ok) throw new Refused(answer.error.code);
    return answer.body as T;
  };
  const everything = async (
    by: string,
    endpoint: string,
    filter: Record<string, unknown> = {},
  ): Promise<Record<string, unknown>[]> => {
    const items: Record<string, unknown>[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await request(by, endpoint, {
        ...filter,
        limit: 1_000,
        ...(cursor === undefined ? {} : { cursor }),
      });
      items.push(...(page.items ?? []));
      cursor = page.cursor;
      if (cursor === undefined) return items;
    }
  };
  const apply = async (by: string, documents: readonly Document[]): Promise<Outcome> => {
    const { items = [] } = await request(by, "import", {
      documents: documents.map((document) => ({ document })),
    });
    return { ok: true, shows: items.map(({ change }) => change) };
  };
  const noteRun = (id: number, actionId: string | undefined): void => {
    if (actionId === undefined) return;
    runs.set(id, actionId);
    idOfRun.set(actionId, id);
  };
  const runId = (of: string): string => runs.get(Number(of)) ?? "0".repeat(26);
  const nameActions = (actions: readonly JetActionDefinition[]): unknown[] =>
    actions.map(({ reference, accessLevel: level, plan }) =>
      plan === undefined ? { reference, level } : { reference, level, plan: short(plan) },
    );
  const nameTemplate = (one: TemplateDefinition): unknown => ({
    reference: short(one.reference),
    level: one.accessLevel,
    users: one.users.map(short),
    managers: one.managers.map(short),
    actions: nameActions(one.actions),
  });
  const nameJet = ({ reference, template, users, managers, state, last }: JetView): unknown => ({
    reference: short(reference),
    template: short(template),
    users: users.map(short),
    managers: managers.map(short),
    isResting: state === RESTING,
    last: last === undefined ? "none" : (last.action ?? "hidden"),
  });
  const nameSchedule = ({ reference, accessLevel, paused, trigger: does, owner }: ScheduleView): unknown => ({
    reference: short(reference),
    level: accessLevel,
    isPaused: paused,
    does: does === undefined ? "makes an action" : { jet: short(does.jet), action: does.action },
    owner: owner === undefined ? "hidden" : owner === ROOT ? ROOT : short(owner),
  });
  const nameRun = ({ jet = "", definition: { jetAction, plan } }: ActionRecord): unknown => ({
    jet: short(jet),
    action: jetAction?.reference,
    ...(jetAction?.plan === undefined ? {} : { plan: short(jetAction.plan) }),
    ...(plan === undefined ? {} : { steps: plan.steps.length }),
  });

  const jetDocument = ({ reference, template, users, managers }: JetDocument): Document =>
    document("Jet", real(reference), {
      template: real(template),
      users: users.map(real),
      managers: managers.map(real),
    });
  const templateDocument = ({ reference, level, users, managers, actions }: TemplateDocument): Document =>
    document("Template", real(reference), {
      accessLevel: level,
      users: users.map(real),
      managers: managers.map(real),
      actions: actions.map((action) => ({
        reference: action.reference,
        accessLevel: action.level,
        transit: "moving",
        ...(action.reference === CREATE ? {} : { from: RESTING }),
        ...(action.reference === REMOVE ? {} : { to: RESTING }),
        ...(action.plan === undefined ? {} : { plan: real(action.plan) }),
      })),
    });

  const trigger = async ({
    id,
    by,
    jet,
    action,
    via,
  }: Extract<Operation, { kind: "trigger" }>): Promise<Outcome> => {
    if (via === "stream") {
      const key = `${namespace}-${String(id)}`;
      const subject = client.names.trigger.of(real(by), real(jet), action);
      await client.connection.js.publish(subject, "{}", { msgID: key });
      const ended = await eventually(`the end of the trigger ${key}`, () => ends.get(key), {
        withinMs: 20_000,
        everyMs: 2,
      });
      if (ended.outcome.ok) noteRun(id, ended.actionId);
      return ended.outcome;
    }
    const body = { jet: real(jet), action, wait: true, timeoutMs: 20_000 };
    const { actionId, outcome, state } = await request<Record<string, string>>(by, "jet.trigger", body);
    noteRun(id, actionId);
    return { ok: true, shows: { outcome, ...(state === undefined ? {} : { state }) } };
  };

  const bring = async ({ id, by, jet }: Extract<Operation, { kind: "bring" }>): Promise<Outcome> => {
    const key = `${namespace}-${String(id)}`;
    const body = { jet: real(jet), state: RESTING, key, wait: true, timeoutMs: 20_000 };
    const { outcome, state } = await request<Record<string, string>>(by, "jet.target", body);
    // The one action that there may be on the way; the id of one that was not made names nothing.
    noteRun(id, actionIdOfChild(actionIdOfKey(real(by), key, "target", real(jet)), "hop", 0));
    return { ok: true, shows: { outcome, state } };
  };

  const read = async ({ by, what, of }: Extract<Operation, { kind: "read" }>): Promise<unknown> => {
    const get = <T>(endpoint: string): Promise<T> => request<T>(by, endpoint, { reference: real(of) });
    const listed = async (endpoint: string): Promise<Record<string, unknown>[]> =>
      (await everything(by, endpoint))
        .filter(({ reference }) => isOurs(reference))
        .toSorted((a, b) => (String(a["reference"]) < String(b["reference"]) ? -1 : 1));
    switch (what) {
      case "jet":
        return nameJet(await get<JetView>("jet.get"));
      case "jets":
        return (await listed("jet.list")).map((one) => nameJet(one as unknown as JetView));
      case "actions of the jet":
        return nameActions((await get<{ items: JetActionDefinition[] }>("jet.actions")).items);
      case "template":
        return nameTemplate(await get<TemplateDefinition>("template.get"));
      case "templates":
        return (await listed("template.list")).map((one) =>
          nameTemplate(one as unknown as TemplateDefinition),
        );
      case "plan":
        return short((await get<{ reference: string }>("plan.get")).reference);
      case "plans":
        return (await listed("plan.list")).map(({ reference }) => short(String(reference)));
      case "schedule":
        return nameSchedule(await get<ScheduleView>("schedule.get"));
      case "schedules":
        return (await listed("schedule.list")).map((one) => nameSchedule(one as unknown as ScheduleView));
      case "user": {
        const { reference, level } = await get<{ reference: string; level: string }>("user.get");
        return [short(reference), level];
      }
      case "users":
        return (await listed("user.list")).map(({ reference }) => short(String(reference)));
      case "state":
        return (await get<{ reference: string }>("state.get")).reference;
      case "runs of the jet":
        return (await everything(by, "action.list", { jet: real(of) }))
          .map((one) => one as unknown as ActionRecord)
          .map((one) => [idOfRun.get(one.id) ?? one.id, nameRun(one)] as const)
          .toSorted(([a], [b]) => Number(a) - Number(b));
      case "run":
        return nameRun(await request<ActionRecord>(by, "action.get", { id: runId(of) }));
      case "output of the run":
        await request(by, "action.logs", { id: runId(of) });
        await request(by, "action.steps", { id: runId(of) });
        return "output";
      case "way of the jet": {
        const path = { jet: real(of), state: RESTING };
        return nameActions((await request<{ items: JetActionDefinition[] }>(by, "jet.path", path)).items);
      }
      case "export":
        return (await everything(by, "export"))
          .filter(({ reference }) => isOurs(reference))
          .map(({ kind, reference }) => `${String(kind)} ${short(String(reference))}`)
          .toSorted(
            (a, b) =>
              KINDS.indexOf(a.split(" ")[0] ?? "") - KINDS.indexOf(b.split(" ")[0] ?? "") || (a < b ? -1 : 1),
          );
      case "dead letters":
        await request(by, "dead.list", { limit: 1 });
        return "letters";
      case "secrets of the jet":
        return (await request<{ items: object[] }>(by, "secret.list", { jet: real(of) })).items;
      case "secrets of the template":
        return (await request<{ items: object[] }>(by, "secret.list", { template: real(of) })).items;
      case "secrets of the mesh":
        return (await request<{ items: object[] }>(by, "secret.list", {})).items;
    }
  };

  const perform = async (operation: Operation): Promise<Outcome> => {
    const { by } = operation;
    switch (operation.kind) {
      case "set user":
        return apply(by, [document("User", real(operation.user), { level: operation.level })]);
      case "set plan":
        return apply(by, [
          document("Plan", real(operation.plan), { accessLevel: operation.level, steps: [{ wait: 0 }] }),
        ]);
      case "set schedule": {
        const { schedule, level, does } = operation;
        const doing =
          does === undefined
            ? { create: { kind: "of-nobody" } }
            : { trigger: { jet: real(does.jet), action: does.action } };
        const written = { accessLevel: level, cron: NEVER_HERE, ...doing };
        return apply(by, [document("Schedule", real(schedule), written)]);
      }
      case "pause schedule": {
        const endpoint = operation.isPaused ? "schedule.pause" : "schedule.resume";
        const body = { reference: real(operation.schedule) };
        return { ok: true, shows: nameSchedule(await request<ScheduleView>(by, endpoint, body)) };
      }
      case "set state":
        return apply(by, [document("State", RESTING, { note: `${namespace} ${String(operation.id)}` })]);
      case "apply":
        return apply(by, [
          ...(operation.template === undefined ? [] : [templateDocument(operation.template)]),
          ...(operation.jet === undefined ? [] : [jetDocument(operation.jet)]),
        ]);
      case "create jet": {
        const { reference, template, users, managers } = operation.jet;
        const body = {
          template: real(template),
          reference: real(reference),
          users: users.map(real),
          managers: managers.map(real),
          wait: true,
          timeoutMs: 20_000,
        };
        const { actionId, outcome, state } = await request<Record<string, string>>(by, "jet.create", body);
        noteRun(operation.id, actionId);
        return { ok: true, shows: { outcome, state } };
      }
      case "trigger":
        return trigger(operation);
      case "update jet": {
        const { jet, users } = operation;
        const body = { reference: real(jet), users: users.map(real) };
        return { ok: true, shows: nameJet(await request<JetView>(by, "jet.update", body)) };
      }
      case "delete jet":
        await request(by, "jet.delete", { reference: real(operation.jet) });
        return { ok: true, shows: operation.jet };
      case "delete":
        await request(by, `${operation.what}.delete`, { reference: real(operation.name) });
        return { ok: true, shows: operation.name };
      case "bring":
        return bring(operation);
      case "read":
        return { ok: true, shows: await read(operation) };
    }
  };

  return {
    async carryOut(operation) {
      try {
        return await perform(operation);
      } catch (thrown) {
        if (thrown instanceof Refused) return { ok: false, code: thrown.code };
        throw thrown;
      } finally {
        // A denial waits for authz to have seen all that is written: what was just taken away counts from here on.
        if (operation.kind !== "read")
          await request(ROOT, "jet.get", { reference: "nothing-there" }).catch(() => undefined);
      }
    },
  };
}

const document = (kind: string, reference: string, rest: Document): Document => ({
  apiVersion: "jetmesh/v1",
  kind,
  reference,
  name: reference,
  ...rest,
});
