import type { Endpoint, ImportReply, RequestOf } from "@jetmesh/protocol";
import {
  approveStep,
  changeAction,
  createAction,
  getAction,
  getLogs,
  listActions,
  rollbackAction,
  signalAction,
} from "./action-endpoints.ts";
import { cancelAction } from "./cancel-action.ts";
import { getLetter, listLetters, replayLetter } from "./dead-endpoints.ts";
import { applyDefinition, deleteDefinition, getDefinition, listDefinitions } from "./definition-endpoints.ts";
import type { GatewayDeps } from "./deps.ts";
import { exportDocuments } from "./export.ts";
import { handOver } from "./hand-over.ts";
import {
  createJet,
  deleteJet,
  getJet,
  listJetActions,
  listJets,
  triggerJet,
  updateJet,
} from "./jet-endpoints.ts";
import { getLimit, listLimits } from "./limit-endpoints.ts";
import { getSchedule, listSchedules, pauseSchedule, runSchedule } from "./schedule-endpoints.ts";
import { changeSecrets, getSecretsKey, rotateSecretsKey } from "./secret-endpoints.ts";
import { listSteps } from "./step-endpoints.ts";
import { jetPath, targetJet } from "./target-endpoints.ts";

type Handler<E extends Endpoint> = (
  deps: GatewayDeps,
  user: string,
  request: RequestOf<E>,
) => Promise<unknown>;

/** One handler per endpoint; the request is parsed by then. */
export const ENDPOINTS: { readonly [E in Endpoint]: Handler<E> } = {
  "template.apply": applyDefinition,
  "state.apply": applyDefinition,
  "plan.apply": applyDefinition,
  "user.apply": applyDefinition,
  "schedule.apply": applyDefinition,
  "variables.apply": applyDefinition,
  "limit.apply": applyDefinition,
  "limit.get": getLimit,
  "limit.list": listLimits,
  "limit.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "Limit", reference),
  "template.get": (deps, user, { reference }) => getDefinition(deps, user, "Template", reference),
  "state.get": (deps, user, { reference }) => getDefinition(deps, user, "State", reference),
  "plan.get": (deps, user, { reference }) => getDefinition(deps, user, "Plan", reference),
  "user.get": (deps, user, { reference }) => getDefinition(deps, user, "User", reference),
  "variables.get": (deps, user, { reference }) => getDefinition(deps, user, "Variables", reference),
  "template.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "Template", reference),
  "state.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "State", reference),
  "plan.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "Plan", reference),
  "schedule.get": (deps, user, { reference }) => getSchedule(deps, user, reference),
  "schedule.list": listSchedules,
  "schedule.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "Schedule", reference),
  "schedule.pause": pauseSchedule(true),
  "schedule.resume": pauseSchedule(false),
  "schedule.run": runSchedule,
  "variables.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "Variables", reference),
  "user.delete": (deps, user, { reference }) => deleteDefinition(deps, user, "User", reference),
  "template.list": (deps, user, request) => listDefinitions(deps, user, "Template", request),
  "state.list": (deps, user, request) => listDefinitions(deps, user, "State", request),
  "plan.list": (deps, user, request) => listDefinitions(deps, user, "Plan", request),
  "user.list": (deps, user, request) => listDefinitions(deps, user, "User", request),
  "variables.list": (deps, user, request) => listDefinitions(deps, user, "Variables", request),
  import: (deps, user, request) =>
    handOver<ImportReply, "state-store.import">(deps, "state-store.import", { v: 1, user, request }),
  export: exportDocuments,
  "jet.create": createJet,
  "jet.get": (deps, user, { reference }) => getJet(deps, user, reference),
  "jet.list": listJets,
  "jet.actions": (deps, user, { reference }) => listJetActions(deps, user, reference),
  "jet.trigger": triggerJet,
  "action.create": createAction,
  "jet.path": jetPath,
  "jet.target": targetJet,
  "jet.update": updateJet,
  "jet.delete": deleteJet,
  "action.get": (deps, user, { id }) => getAction(deps, user, id),
  "action.list": listActions,
  "action.pause": changeAction("pause"),
  "action.resume": changeAction("resume"),
  "action.steps": listSteps,
  "action.logs": getLogs,
  "action.rollback": rollbackAction,
  "action.signal": signalAction,
  "action.approve": approveStep,
  "action.cancel": cancelAction,
  "dead.list": listLetters,
  "dead.get": (deps, user, { sequence }) => getLetter(deps, user, sequence),
  "dead.replay": (deps, user, { sequence }) => replayLetter(deps, user, sequence),
  "secret.key": getSecretsKey,
  "secret.set": changeSecrets("state-store.secret-set"),
  "secret.list": changeSecrets("state-store.secret-list"),
  "secret.delete": changeSecrets("state-store.secret-delete"),
  "secret.rotate-key": rotateSecretsKey,
};
