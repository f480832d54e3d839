import type { AccessFacts, JetFacts, ScheduleFacts } from "@jetmesh/access";
import {
  type AccessLevel,
  DEFINITION_KEYS,
  JetRecord,
  StoredDefinition,
  type TemplateDefinition,
  type UserDefinition,
} from "@jetmesh/protocol";
import { type Change, parseJson } from "@jetmesh/storage";

/**
 * The facts that decisions are made on, kept up to date from the buckets of definitions and jets. Of a jet only
 * who uses and manages it is kept, and per template how often each user stands in its jets.
 */
export interface FollowedFacts extends AccessFacts {
  readonly onDefinition: (change: Change) => void;
  readonly onJet: (change: Change) => void;
}

const FollowedJet = JetRecord.pick({
  template: true,
  incarnation: true,
  users: true,
  managers: true,
  destroyedAt: true,
});

export function createFollowedFacts(rootUser: string): FollowedFacts {
  const users = new Map<string, UserDefinition>();
  const templates = new Map<string, TemplateDefinition>();
  const creators = new Map<string, string>();
  const plans = new Map<string, AccessLevel>();
  const states = new Map<string, AccessLevel>();
  const schedules = new Map<string, ScheduleFacts>();
  const variables = new Set<string>();
  const limits = new Set<string>();
  const jets = new Map<string, JetFacts>();
  const usersOfJets = createCounts();
  const managersOfJets = createCounts();

  const forget = (key: string): void => {
    const reference = key.slice(key.indexOf(".") + 1);
    if (key.startsWith(`${DEFINITION_KEYS.User}.`)) users.delete(reference);
    if (key.startsWith(`${DEFINITION_KEYS.Template}.`)) {
      templates.delete(reference);
      creators.delete(reference);
    }
    if (key.startsWith(`${DEFINITION_KEYS.Plan}.`)) plans.delete(reference);
    if (key.startsWith(`${DEFINITION_KEYS.State}.`)) states.delete(reference);
    if (key.startsWith(`${DEFINITION_KEYS.Schedule}.`)) schedules.delete(reference);
    if (key.startsWith(`${DEFINITION_KEYS.Variables}.`)) variables.delete(reference);
    if (key.startsWith(`${DEFINITION_KEYS.Limit}.`)) limits.delete(reference);
  };

  return {
    levelOf: (user) => (user === rootUser ? "root" : users.get(user)?.level),
    template: (reference) => templates.get(reference),
    creatorOf: (template) => creators.get(template),
    jet: (reference) => jets.get(reference),
    isUserOfAnyJet: (template, user) => usersOfJets.has(template, user),
    isManagerOfAnyJet: (template, user) => managersOfJets.has(template, user),
    planLevel: (reference) => plans.get(reference),
    stateLevel: (reference) => states.get(reference),
    isUser: (reference) => users.has(reference),
    isVariables: (reference) => variables.has(reference),
    isLimit: (reference) => limits.has(reference),
    schedule: (reference) => schedules.get(reference),
    onDefinition(change) {
      forget(change.key);
      if (!change.exists) return;
      const { definition, createdBy, owner } = StoredDefinition.parse(parseJson(change.data));
      const { kind, reference } = definition;
      if (kind === "User") users.set(reference, definition);
      else if (kind === "Template") {
        templates.set(reference, definition);
        if (createdBy !== undefined) creators.set(reference, createdBy);
      } else if (kind === "Plan") plans.set(reference, definition.accessLevel);
      else if (kind === "State") states.set(reference, definition.accessLevel);
      else if (kind === "Variables") variables.add(reference);
      else if (kind === "Limit") limits.add(reference);
      else {
        const { accessLevel, trigger, create } = definition;
        schedules.set(reference, { accessLevel, owner, trigger, create });
      }
    },
    onJet(change) {
      const before = jets.get(change.key);
      if (before !== undefined) {
        for (const user of before.users) usersOfJets.add(before.template, user, -1);
        for (const user of before.managers) managersOfJets.add(before.template, user, -1);
        jets.delete(change.key);
      }
      if (!change.exists) return;
      const jet = FollowedJet.parse(parseJson(change.data));
      if (jet.destroyedAt !== undefined) return;
      const { template, users: itsUsers, managers } = jet;
      // The first write of a jet could not know its own revision.
      const incarnation = jet.incarnation === 0 ? change.revision : jet.incarnation;
      jets.set(change.key, { template, incarnation, users: itsUsers, managers });
      for (const user of jet.users) usersOfJets.add(jet.template, user, 1);
      for (const user of jet.managers) managersOfJets.add(jet.template, user, 1);
    },
  };
}

interface Counts {
  add(template: string, user: string, by: number): void;
  has(template: string, user: string): boolean;
}

function createCounts(): Counts {
  const counts = new Map<string, Map<string, number>>();
  return {
    add(template, user, by) {
      let ofTemplate = counts.get(template);
      if (ofTemplate === undefined) counts.set(template, (ofTemplate = new Map<string, number>()));
      const count = (ofTemplate.get(user) ?? 0) + by;
      if (count > 0) ofTemplate.set(user, count);
      else ofTemplate.delete(user);
      if (ofTemplate.size === 0) counts.delete(template);
    },
    has: (template, user) => counts.get(template)?.has(user) ?? false,
  };
}
